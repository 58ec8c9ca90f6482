/**
 * A failover to a replica that lacks the last events, and then others are made under the same offsets (domain/position.ts
 * tells the story). One gateway remembers the lost ones; the other was started anew, as were the mergers, and has no way
 * of knowing. Every stream has to be told, those of the gateway that knows nothing too. Or, where an archive has what was lost,
 * it is there again, and no stream has to start over.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { shardOf } from '../../../src/domain/channel.ts';
import { createRandom } from '../../support/random.ts';
import { waitFor } from '../../support/wait.ts';
import { SETTLE_MS } from '../checks/streams.ts';
import { startCutting } from '../clients/cutting.ts';
import type { Reader } from '../clients/reader.ts';
import { startWriter } from '../clients/writer.ts';
import { startLabRedis } from '../fleet/redis.ts';
import type { Recorder } from '../history.ts';
import { LAB_ENV, type Lab } from '../lab.ts';
import { startProxy } from '../proxy.ts';
import { CHANNELS, run } from '../run.ts';
import { awaitTold, RESET_MAX_MS } from './after-loss.ts';
import { untilArchived } from './archived.ts';
import { type Scenario, type ScenarioOptions, type ScenarioResult, sized, violationsOf } from './scenario.ts';

export const failover: Scenario = {
  name: 'failover',
  promise:
    'failover that loses two events and makes others in their places: all told reset within 10 s, none disagree afterwards',
  run: (options) => failOvers(options, { rounds: sized(5, 1, options), losing: CHANNELS, appendfsync: 'always' }),
};

/** One that shares its shard with another of them. */
const ONE = CHANNELS.find((channel) => CHANNELS.some((other) => other !== channel && shard(other) === shard(channel)))!;

export const failoverOfOne: Scenario = {
  name: 'failover-of-one',
  promise:
    'failover that loses two events of one channel: its streams told reset, those of no other, also of its shard, and none disagree',
  // Not a Redis that vouches for itself, or others would have merged on in the epoch before.
  run: (options) => failOvers(options, { rounds: sized(50, 1, options), losing: [ONE], appendfsync: 'everysec' }),
};

export const refillOfOne: Scenario = {
  name: 'refill-of-one',
  promise:
    'failover that loses two events of one channel, which an archive has: 0 lost, 0 resets, all told resumed, and none disagree',
  run: (options) =>
    failOvers(options, { rounds: sized(50, 1, options), losing: [ONE], appendfsync: 'everysec', isArchived: true }),
};

function shard(channel: string): number {
  return shardOf(channel, Number(LAB_ENV.SHARDS));
}

async function failOvers(
  options: ScenarioOptions,
  { rounds, losing, appendfsync, isArchived = false }: FailOvers,
): Promise<ScenarioResult> {
  const resets: number[] = [];
  const failures: string[] = [];
  const figures: Record<string, number> = { rounds };
  for (let round = 0; round < rounds; round++) {
    const { verdict } = await run({
      seed: options.seed + round,
      appendfsync,
      planned: [],
      writers: 0,
      readers: 0,
      rate: 0,
      needs: { archive: isArchived },
      during: (lab, recorder) =>
        failOver(lab, recorder, { seed: options.seed + round, losing, appendfsync, isArchived, resets, failures }),
    });
    failures.push(...violationsOf(verdict));
    if (isArchived && verdict.figures.resets !== 0) failures.push(`${verdict.figures.resets} resets`);
    for (const [name, value] of Object.entries(verdict.figures)) figures[name] = (figures[name] ?? 0) + value;
  }
  const worstMs = Math.round(Math.max(...resets));
  if (worstMs > RESET_MAX_MS) failures.push(`it took ${worstMs} ms to tell`);
  return { figures: { ...figures, told: resets.length, 'told max ms': worstMs }, failures };
}

/** Of each channel, once all is well again. */
const LAST = 3;
/** Readers may be told that the store came back with less; but every change that had its 204 is there. */
const NOTHING_LOST = -1;

interface FailOvers {
  readonly rounds: number;
  readonly losing: readonly string[];
  readonly appendfsync: 'always' | 'everysec';
  /** Whether an archive has what is lost. */
  readonly isArchived?: boolean;
}

interface Round extends Omit<FailOvers, 'rounds'> {
  readonly seed: number;
  readonly resets: number[];
  readonly failures: string[];
}

/** Or as long as that may take (I10): whoever was not given it by then, the checker names. */
async function untilGiven({ lines }: Recorder, readers: readonly Reader[]): Promise<void> {
  const areAll = () => {
    const given = new Set(
      lines.flatMap((line) =>
        line.t === 'event' && line.from.startsWith('after-') && line.seq === LAST ? [line.reader] : [],
      ),
    );
    return readers.every(({ name }) => given.has(name));
  };
  await waitFor(areAll, { timeoutMs: SETTLE_MS, what: 'the last events' }).catch(() => undefined);
}

async function failOver(
  lab: Lab,
  recorder: Recorder,
  { seed, losing, appendfsync, isArchived, resets, failures }: Round,
): Promise<void> {
  const random = createRandom(seed);
  const common = { recorder, random, rate: 0, withSeq: true };
  const send = async (name: string, changes: number, channels: readonly string[] = CHANNELS) => {
    for (const channel of channels) {
      await startWriter({ ...common, name: `${name}-${channel}`, url: lab.sendUrl, channels: [channel], changes }).done;
    }
  };
  await using replication = await startProxy(() => [lab.redis], random);
  const replicaof = `127.0.0.1 ${replication.port}`;
  const replica = await startLabRedis({
    name: 'replica',
    dir: lab.dir,
    logDir: lab.dir,
    appendfsync,
    settings: { replicaof, 'repl-diskless-sync-delay': '0' },
  });
  const [remembers, forgets] = lab.of('gateway') as [(typeof lab.roles)[0], (typeof lab.roles)[0]];
  const doors = await Promise.all(
    [remembers, forgets].map((role) => startProxy(() => (role.address ? [role.address] : []), random)),
  );
  const readers = doors.flatMap((door, i) =>
    CHANNELS.map((channel) => {
      const url = `http://127.0.0.1:${door.port}`;
      return startCutting({
        name: `at-${i}-${channel}`,
        url,
        channels: [channel],
        recorder,
        random,
        cutBelowBytes: 1e9,
      });
    }),
  );
  const losers = readers.filter(({ name }) => losing.some((channel) => name.endsWith(`-${channel}`)));
  const delivered = () => recorder.lines.reduce((sum, { t }) => sum + (t === 'event' ? 1 : 0), 0);
  const allDelivered = (count: number) =>
    waitFor(() => delivered() === count, { what: () => `${count} events, not ${delivered()}` });
  try {
    await waitFor(() => recorder.lines.filter(({ t }) => t === 'told').length >= readers.length, {
      what: 'all streams',
    });
    await send('before', 5);
    await allDelivered(5 * readers.length);
    const hasCaughtUp = async () => (await replica.cli('INFO', 'replication')).includes('master_link_status:up');
    await waitFor(hasCaughtUp, { timeoutMs: 15_000, everyMs: 50, what: 'the replica to be in step' });
    await sleep(300);

    // Two events that only the old primary, and everybody who listens, will ever have seen.
    replication.set({ blackHole: true });
    const since = recorder.now;
    await send('lost', 2, losing);
    await allDelivered(5 * readers.length + 2 * losers.length);
    if (isArchived) await untilArchived(lab, CHANNELS);
    remembers.link.set({ refuse: true });
    remembers.link.cutAll();
    await lab.redis.child.hold();
    for (const role of [forgets, ...lab.of('merger')]) await role.child.hold();
    replication.cutAll();
    await replica.cli('REPLICAOF', 'NO', 'ONE');
    recorder.add({ t: 'loss', since, until: isArchived ? NOTHING_LOST : recorder.now });

    lab.moveRedis(replica);
    for (const role of [forgets, ...lab.of('merger')]) role.child.release();
    await send('other', 2);
    await Promise.all([forgets, ...lab.of('merger')].map((role) => role.ready()));
    await sleep(1_500);
    const met = recorder.now;
    remembers.link.set();
    // Some may have been told before, where nobody vouches for what came back.
    const told = await awaitTold(recorder, since, losers, [isArchived ? 'resumed' : 'reset'], failures);
    resets.push(...told.map((ms) => Math.max(0, ms - (met - since))));
    await send('after', LAST);
    await untilGiven(recorder, readers);
    await sleep(1_000);
    const names = new Set(losers.map(({ name }) => name));
    for (const line of recorder.lines) {
      if (line.t !== 'told' || line.at < since || names.has(line.reader)) continue;
      if ((line.data as { status?: string }).status === 'reset') failures.push(`${line.reader} was told reset`);
    }
  } finally {
    for (const reader of readers) reader.stop();
    for (const door of doors) await door[Symbol.asyncDispose]();
    lab.adopt(replica);
  }
}
