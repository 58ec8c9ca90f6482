/**
 * The merger that works is killed, with the lease of the service's own default, and stays away: how long until the other
 * has taken over, as a subscriber sees it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { quantileMs } from '../figures.ts';
import type { Recorder } from '../history.ts';
import { run } from '../run.ts';
import { type Scenario, sized, violationsOf } from './scenario.ts';

/** What it is when nobody sets it. */
const LEASE_MS = 5_000;
const TAKEN_OVER_MAX_MS = 7_000;
/** Shorter ones are what every channel's events are apart anyway. */
const PAUSE_MIN_MS = 1_000;

export const takeover: Scenario = {
  name: 'takeover',
  promise: 'kill -9 of the merger that works: another has taken over within 7 s, 0 violations',
  async run(options) {
    const kills = sized(10, 1, options);
    const pauses: number[] = [];
    const { verdict } = await run({
      seed: options.seed,
      planned: [],
      counts: { bucket: 1, gateway: 1 },
      writers: 8,
      readers: 3,
      rate: 100,
      env: { MERGE_LEASE_MS: String(LEASE_MS) },
      async during(lab, recorder) {
        const mergers = lab.of('merger');
        // At first both have some shards: the second kill is of one that has all.
        for (let i = 0; i <= kills; i++) {
          const { child } = mergers[i % mergers.length]!;
          const from = recorder.lines.length;
          await child.hold();
          await sleep(TAKEN_OVER_MAX_MS + PAUSE_MIN_MS);
          pauses.push(longestPause(recorder, from));
          child.release();
          await Promise.all(mergers.map((merger) => merger.ready()));
        }
      },
    });
    const failures = violationsOf(verdict);
    const worstMs = Math.round(Math.max(...pauses));
    if (worstMs > TAKEN_OVER_MAX_MS) failures.push(`nothing was merged for ${worstMs} ms`);
    const figures = { 'pause p50 ms': quantileMs(pauses, 0.5), 'pause max ms': worstMs };
    return { figures: { ...verdict.figures, kills: kills + 1, ...figures }, failures };
  },
};

/** Between two events of any channel, from a line on; until now where there was none, milliseconds. */
function longestPause(recorder: Recorder, from: number): number {
  const last = new Map<string, number>();
  let longest = 0;
  const lines = recorder.lines.slice(from);
  for (const line of lines) {
    if (line.t !== 'event') continue;
    longest = Math.max(longest, line.at - (last.get(line.channel) ?? lines[0]!.at));
    last.set(line.channel, line.at);
  }
  return Math.max(longest, ...Array.from(last.values(), (at) => recorder.now - at));
}
