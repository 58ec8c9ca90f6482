/**
 * Pub/sub is cut ten times a second. First under load; then, one change at a time, on channels that are silent afterwards:
 * nothing that comes later can give the lost one away.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom } from '../../support/random.ts';
import { startWriter } from '../clients/writer.ts';
import { quantileMs } from '../figures.ts';
import type { Line } from '../history.ts';
import { publisherOf } from '../model.ts';
import { CHANNELS, run } from '../run.ts';
import { type Scenario, sized, violationsOf } from './scenario.ts';

const LAST_MAX_MS = 4_000;

export const cutPubsub: Scenario = {
  name: 'cut-pubsub',
  promise: 'pub/sub cut 10 times a second: 0 gaps, the last change of a channel arrives within 4 s',
  async run(options) {
    const loadMs = sized(60_000, 2_500, options);
    const lasts = sized(20, 2, options);
    const random = createRandom(options.seed);
    const { verdict, lines } = await run({
      seed: options.seed,
      planned: [],
      counts: { bucket: 1, merger: 1 },
      writers: 6,
      readers: 15,
      rate: 200,
      async during(lab, recorder, { writers }) {
        const timer = setInterval(() => {
          lab.redis.cli('CLIENT', 'KILL', 'TYPE', 'pubsub').catch(() => undefined);
        }, 100);
        await sleep(loadMs);
        for (const writer of writers) writer.stop();
        await Promise.all(writers.map(({ done }) => done));
        for (let i = 0; i < lasts; i++) {
          const common = { url: lab.sendUrl, recorder, random, rate: 0, withSeq: true, changes: 1 };
          await Promise.all(
            CHANNELS.map((channel, n) => startWriter({ ...common, name: `last-${i}-${n}`, channels: [channel] }).done),
          );
          await sleep(LAST_MAX_MS + 200);
        }
        clearInterval(timer);
      },
    });
    const failures = violationsOf(verdict);
    const times = arrivalsOf(lines);
    const { missing } = times;
    const worstMs = Math.round(Math.max(...times.ms));
    if (missing > 0) failures.push(`${missing} last changes did not arrive while pub/sub was cut`);
    if (worstMs > LAST_MAX_MS) failures.push(`a last change took ${worstMs} ms`);
    const last = {
      'last p50 ms': quantileMs(times.ms, 0.5),
      'last p99 ms': quantileMs(times.ms, 0.99),
      'last max ms': worstMs,
    };
    return { figures: { ...verdict.figures, lasts: lasts * CHANNELS.length, ...last }, failures };
  },
};

/** From the 204 of each last change to its arrival at each reader of its channel. */
function arrivalsOf(lines: readonly Line[]): { ms: number[]; missing: number } {
  const answered = new Map<string, number>();
  const ids = new Map<number, string>();
  const readers = new Map<string, readonly string[]>();
  const seen = new Set<string>();
  const ms: number[] = [];
  for (const line of lines) {
    if (line.t === 'open') readers.set(line.reader, line.channels);
    if (line.t === 'send' && line.from.startsWith('last-'))
      ids.set(line.id, `${line.channel} ${publisherOf(line.from)}`);
    if (line.t === 'sent' && line.outcome === 'ok' && ids.has(line.id)) answered.set(ids.get(line.id)!, line.at);
    if (line.t !== 'event' || !line.from.startsWith('last-')) continue;
    const key = `${line.channel} ${publisherOf(line.from)}`;
    if (seen.has(`${line.reader} ${key}`)) continue;
    seen.add(`${line.reader} ${key}`);
    // An event may overtake its own 204.
    ms.push(Math.max(0, line.at - (answered.get(key) ?? line.at)));
  }
  let wanted = 0;
  for (const key of answered.keys()) {
    for (const channels of readers.values()) if (channels.includes(key.split(' ')[0]!)) wanted++;
  }
  return { ms, missing: wanted - seen.size };
}
