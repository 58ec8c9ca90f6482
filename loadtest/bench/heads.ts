/**
 * This head beside a former commit: POSTs a second in Redis, merged and published, also per CPU-second, deliveries, and memory per
 * idle stream. For whoever must not make it slower.
 *
 * Why this is a valid comparison: both builds run on the same Node with the same packages and arguments and get the same
 * requests from the same generator. Of speed, both run all the time, each with a Redis and streams of its own, and are asked in
 * turn, a second each, many times: whatever else slows the machine hits both, and one that is not asked does nothing. Memory
 * is taken of a new process each time. Which of the two comes first changes with every round, and the ratio is taken
 * within a round.
 *
 * BENCH_BEFORE is the commit, the one before this unless it is given.
 *
 * npm run bench -- heads [--turns 24] [--seconds 1] [--events 10] [--rounds 6] [--streams 15000] [--measure 0]
 * With `--turns 0` only memory, with `--rounds 0` only speed, with `--measure 3` only the third.
 */

import { buildOf } from './former-build.ts';
import { HeldStreams } from './held-streams.ts';
import { type Build, heldBytesOf, startSmallchange } from './measured.ts';
import { numbersOf } from './options.ts';
import { bucketAloneOf, pipelineOf, type Round, type Side } from './posts-sides.ts';
import { publish, spreadOf, table, written } from './report.ts';
import { inTurn, type Opened, type Rounds } from './turns.ts';

const defaults = { turns: 24, seconds: 1, events: 10, rounds: 6, streams: 15_000, measure: 0 };
const { turns, seconds, events, rounds, streams, measure: only } = numbersOf(defaults);
const commit = process.env.BENCH_BEFORE ?? 'HEAD~1';

/** Until then the code is not compiled yet. */
const WARM_UP_EVENTS = 10;
const MAX_STREAMS = '19500';
const KIB = 1024;

interface Head {
  readonly name: string;
  readonly build: Build | undefined;
}

const heads: readonly Head[] = [
  { name: commit, build: buildOf(commit) },
  { name: 'this head', build: undefined },
];

interface Measure extends Omit<Rounds, 'tell'> {
  readonly name: string;
  /** Of its figures. Default: none. */
  readonly digits?: number;
  open(head: Head): Promise<Opened>;
}

const perSecond = ({ perS }: Round) => perS;
/** Of all that is ours, and Redis: what others do on the machine meanwhile is not in it. */
const perCpuSecond = ({ perS, serverCpu, mergerCpu, redisCpu }: Round) => perS / (serverCpu + mergerCpu + redisCpu);

const posts = async (side: Side, figureOf: (round: Round) => number): Promise<Opened> => {
  const opened = await side.open('off');
  return { figure: async () => figureOf(await opened.measure(seconds)), stop: opened.stop };
};

async function holding({ build }: Head) {
  const server = await startSmallchange({ env: { MAX_STREAMS }, build });
  const held = new HeldStreams(server);
  return {
    server,
    held,
    async stop() {
      await held.close();
      await server.stop();
    },
  };
}

async function deliveriesOf(head: Head): Promise<Opened> {
  const { held, stop } = await holding(head);
  await held.open(streams, 1);
  await held.deliver(WARM_UP_EVENTS, 'room0', streams);
  return {
    async figure() {
      const { frames, serverCpuS } = await held.deliver(events, 'room0', streams);
      return frames / serverCpuS;
    },
    stop,
  };
}

function memoryOn(channels: number): Measure {
  return {
    name: `KB per idle stream, ${channels.toLocaleString('en')} channels`,
    digits: 2,
    rounds,
    isAnew: true,
    async open(head) {
      const { server, held, stop } = await holding(head);
      return {
        async figure() {
          const idleBytes = await heldBytesOf(server);
          await held.open(streams, channels);
          return ((await heldBytesOf(server)) - idleBytes) / streams / KIB;
        },
        stop,
      };
    },
  };
}

const measures: readonly Measure[] = [
  {
    name: 'POSTs/s, in Redis before the 204',
    rounds: turns,
    open: ({ build }) => posts(bucketAloneOf('bucket', build), perSecond),
  },
  {
    name: 'the same per CPU-second, of bucket and Redis',
    rounds: turns,
    open: ({ build }) => posts(bucketAloneOf('bucket', build), perCpuSecond),
  },
  {
    name: 'changes/s, accepted, merged and published',
    rounds: turns,
    open: ({ build }) => posts(pipelineOf('pipeline', build), perSecond),
  },
  {
    name: 'the same per CPU-second, of bucket, merger and Redis',
    rounds: turns,
    open: ({ build }) => posts(pipelineOf('pipeline', build), perCpuSecond),
  },
  { name: 'deliveries per CPU-second, one event at a time', rounds: turns, open: deliveriesOf },
  memoryOn(1),
  memoryOn(Math.ceil(streams / 10)),
];

const rows: string[][] = [];
const asked = measures.filter(({ rounds }, i) => rounds > 0 && (only === 0 || only === i + 1));
for (const measure of asked) {
  const sides = heads.map((head) => ({ name: head.name, open: () => measure.open(head) }));
  const tell = (figure: number) => figure.toFixed(measure.digits);
  const [before, now] = (await inTurn(measure.name, sides, { ...measure, tell })) as [number[], number[]];
  const ratio = spreadOf(now.map((figure, i) => figure / before[i]!));
  rows.push([
    measure.name,
    written(spreadOf(before), measure.digits ?? 0),
    written(spreadOf(now), measure.digits ?? 0),
    written(ratio, 3),
  ]);
}

publish(
  'heads',
  `This head beside ${commit}`,
  [
    `Speed: ${turns} rounds, both in turn; memory: ${rounds}, each time new processes. Median (min–max). POSTs: ${seconds} s a round, 64 connections,`,
    `1 byte each to 1,000 channels, 16 shards, Redis without AOF. Deliveries (${events} events a round) and memory: ${streams.toLocaleString('en')} streams,`,
    'everything in memory, no AOF.',
    '',
    table(['', ...heads.map(({ name }) => name), 'now ÷ before, within a round'], rows),
  ].join('\n'),
);
