/**
 * What an edge adds to the time from a change to its event. The same bytes go directly and through the edge within one run, in
 * turn, because a machine is never equally fast for a minute; so what is compared is p99 with p99 of the same round.
 *
 * What is measured is what a client sees: its own TLS and HTTP/2 are part of what is added.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { quantile } from '../../../loadtest/measures/quantile.ts';
import { startFleet } from '../../e2e/fleet.ts';
import { startEdge } from '../../support/edge.ts';
import { trust } from '../../support/trust.ts';
import { Lane, type LaneInit } from './lane.ts';
import { sized, type Trial, type TrialOptions, type TrialResult } from './trial.ts';

/** 20 rounds of some 3 seconds. */
const ROUNDS = 20;
/** Of each lane in a round: each sent when the one before was back; then as many at a pace, whatever comes back when. */
const CHANGES = 300;
const PACE_MS = 5;
const ADDED_MS_MAX = 5;

const ways = ['direct', 'http/1.1', 'h2'] as const;
const kinds = ['one by one', '200/s'] as const;
type Took = Readonly<Record<(typeof ways)[number], readonly number[]>>;

export const latency: Trial = {
  name: 'latency',
  promise: `a byte arrives promptly: at most ${ADDED_MS_MAX} ms are added at p99`,
  run,
};

async function run(options: TrialOptions): Promise<TrialResult> {
  await using fleet = await startFleet({ roles: ['bucket', 'merger', 'gateway'] });
  const [buckets, gateways] = [fleet.of('bucket'), fleet.of('gateway')];
  await using edge = await startEdge(options.edge, { buckets, gateways });
  await using _trusting = trust(edge.certificate);
  const through = (url: string, isH1: boolean): LaneInit => ({ postUrl: url, streamUrl: url, isH1 });
  const inits: readonly LaneInit[] = [
    { postUrl: buckets[0]!.url, streamUrl: gateways[0]!.url, isH1: true },
    through(edge.plainUrl, true),
    through(edge.tlsUrl, false),
  ];
  await round(inits, 0);
  const rounds: (readonly Took[])[] = [];
  for (let i = 0; i < sized(ROUNDS, 3, options); i++) rounds.push(await round(inits, i));

  const figures: Record<string, number | string> = { rounds: rounds.length, 'bytes each': CHANGES };
  const failures: string[] = [];
  for (const [k, kind] of kinds.entries()) {
    const inRounds = (figure: (took: Took) => number) =>
      ms(
        quantile(
          rounds.map((kindsOf) => figure(kindsOf[k]!)),
          0.5,
        ),
      );
    for (const way of ways) {
      figures[`${way}, ${kind}: p50 ms`] = inRounds((took) => quantile(took[way], 0.5));
      figures[`${way}, ${kind}: p99 ms`] = inRounds((took) => quantile(took[way], 0.99));
      if (way === 'direct') continue;
      const added = inRounds((took) => quantile(took[way], 0.99) - quantile(took.direct, 0.99));
      figures[`${way}, ${kind}: added at p99 ms`] = added;
      if (added > ADDED_MS_MAX) failures.push(`${way}, ${kind}: ${added} ms are added at p99`);
    }
  }
  return { figures, failures };
}

/** With connections of its own, because nginx ends one after 5,000 requests. @returns what each kind took. */
async function round(inits: readonly LaneInit[], turn: number): Promise<readonly Took[]> {
  const lanes = await Promise.all(inits.map((init) => Lane.open(init)));
  // Whoever is first has the machine to itself for a moment: each is in its turn.
  const inTurn = [...lanes.slice(turn % lanes.length), ...lanes.slice(0, turn % lanes.length)];
  const take = (): Took => ({ direct: lanes[0]!.take(), 'http/1.1': lanes[1]!.take(), h2: lanes[2]!.take() });
  for (let i = 0; i < CHANGES; i++) for (const lane of inTurn) await lane.ping();
  const oneByOne = take();
  await paced(inTurn);
  const atPace = take();
  for (const lane of lanes) await lane[Symbol.asyncDispose]();
  return [oneByOne, atPace];
}

/** Each lane has its pace, and they take turns: what slows the machine down for a moment meets all. */
async function paced(lanes: readonly Lane[]): Promise<void> {
  const startMs = performance.now();
  const sending: Promise<void>[] = [];
  for (let i = 0; i < CHANGES * lanes.length; i++) {
    const waitMs = startMs + (i * PACE_MS) / lanes.length - performance.now();
    if (waitMs > 0) await sleep(waitMs);
    sending.push(lanes[i % lanes.length]!.send());
  }
  await Promise.all(sending);
  for (const lane of lanes) await lane.quiet();
}

function ms(value: number): number {
  return Math.round(value * 100) / 100;
}
