/**
 * This head beside a former commit: POSTs a second in Redis, merged and published, deliveries per CPU-second, and memory per
 * idle stream. For whoever must not make it slower.
 *
 * Why this is a valid comparison: both builds run on the same Node with the same packages and arguments, get the same
 * requests from the same generator, each figure from a process of its own, in turn within a round; which of the two comes
 * first changes with every round, and the ratio is taken within a round, so that a slow minute hits both.
 *
 * BENCH_BEFORE is the commit, the one before this unless it is given.
 *
 * npm run bench -- heads [--rounds 5] [--seconds 5] [--streams 15000] [--events 40]
 */

import { buildOf } from './former-build.ts';
import { HeldStreams } from './held-streams.ts';
import { heldBytesOf, startSmallchange } from './measured.ts';
import { numbersOf } from './options.ts';
import { bucketAloneOf, pipelineOf } from './posts-sides.ts';
import { publish, spreadOf, table, written } from './report.ts';

const { rounds, seconds, streams, events } = numbersOf({ rounds: 5, seconds: 5, streams: 15_000, events: 40 });
const commit = process.env.BENCH_BEFORE ?? 'HEAD~1';

/** Until then the code is not compiled yet. */
const WARM_UP_EVENTS = 10;
const MAX_STREAMS = '19500';
const KIB = 1024;

interface Head {
  readonly name: string;
  readonly build: string | undefined;
}

const heads: readonly Head[] = [
  { name: commit, build: buildOf(commit) },
  { name: 'this head', build: undefined },
];

/** One figure of one head. */
interface Measure {
  readonly name: string;
  readonly digits: number;
  run(head: Head): Promise<number>;
}

/** Streams on so many channels, and what is asked of them. */
async function holding<T>(
  { build }: Head,
  channels: number,
  ask: (held: HeldStreams, grownBytes: number) => Promise<T>,
): Promise<T> {
  const server = await startSmallchange({ env: { MAX_STREAMS }, build });
  const held = new HeldStreams(server);
  try {
    const idleBytes = await heldBytesOf(server);
    await held.open(streams, channels);
    return await ask(held, (await heldBytesOf(server)) - idleBytes);
  } finally {
    await held.close();
    await server.stop();
  }
}

function memoryOn(channels: number): Measure {
  return {
    name: `KB per idle stream, ${channels.toLocaleString('en')} channels`,
    digits: 2,
    run: (head) => holding(head, channels, async (_held, grownBytes) => grownBytes / streams / KIB),
  };
}

const measures: readonly Measure[] = [
  {
    name: 'POSTs/s, in Redis before the 204',
    digits: 0,
    run: async ({ build }) => (await bucketAloneOf('bucket', build).run(seconds, 'off')).perS,
  },
  {
    name: 'changes/s, accepted, merged and published',
    digits: 0,
    run: async ({ build }) => (await pipelineOf('pipeline', build).run(seconds, 'off')).perS,
  },
  {
    name: 'deliveries per CPU-second, one event at a time',
    digits: 0,
    run: (head) =>
      holding(head, 1, async (held) => {
        await held.deliver(WARM_UP_EVENTS, 'room0', streams);
        const { frames, serverCpuS } = await held.deliver(events, 'room0', streams);
        return frames / serverCpuS;
      }),
  },
  memoryOn(1),
  memoryOn(Math.ceil(streams / 10)),
];

const rows: string[][] = [];
for (const measure of measures) {
  const figures = heads.map(() => [] as number[]);
  for (let round = 1; round <= rounds; round++) {
    const order = round % 2 === 1 ? [0, 1] : [1, 0];
    for (const i of order) figures[i]!.push(await measure.run(heads[i]!));
    const told = heads.map(({ name }, i) => `${name} ${figures[i]!.at(-1)!.toFixed(measure.digits)}`);
    console.log(`round ${round}: ${measure.name}: ${told.join(', ')}`);
  }
  const [before, now] = figures as [number[], number[]];
  const ratio = spreadOf(now.map((figure, i) => figure / before[i]!));
  rows.push([
    measure.name,
    written(spreadOf(before), measure.digits),
    written(spreadOf(now), measure.digits),
    written(ratio, 3),
  ]);
}

publish(
  'heads',
  `This head beside ${commit}`,
  [
    `${rounds} rounds in turn; median (min–max). POSTs: ${seconds} s a round, 64 connections, 1 byte each to 1,000 channels, 16 shards,`,
    `Redis without AOF. Deliveries and memory: ${streams.toLocaleString('en')} streams, everything in memory, no AOF.`,
    '',
    table(['', ...heads.map(({ name }) => name), 'now ÷ before, within a round'], rows),
  ].join('\n'),
);
