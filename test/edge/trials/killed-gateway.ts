/**
 * kill -9 of one of three gateways, whose streams the two others can just hold. An edge must not keep sending them to the one that
 * is gone, which has the fewest connections now, nor give up on them at one that is full.
 *
 * The clients are the load tester's: they know of an EventSource only what a browser's knows, `retry:` and `Last-Event-ID`. What
 * a gateway asks for is 1 to 3 s at these sizes, so that much of the time is theirs.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { runTester } from '../../loadtest/tester.ts';
import { startEdge } from '../../support/edge.ts';
import { startRedis } from '../../support/redis-server.ts';
import { waitFor } from '../../support/wait.ts';
import { Member } from '../rolling/member.ts';
import { Watch } from '../rolling/watch.ts';
import { sized, type Trial, type TrialOptions, type TrialResult } from './trial.ts';

const STREAMS = 3_000;
/** Two gateways hold all, and a fifteenth more. */
const PLACES_PER_STREAM = 1_600 / STREAMS;
const CHANGES_PER_S = 200;
const CHANGES_PER_S_MIN = 40;
const BACK_MAX_MS = 10_000;
const OPEN_MAX_MS = 60_000;
const WATCH_EVERY_MS = 200;
/** Load before the kill. */
const BEFORE_MS = 1_000;
/** Load after all had to be back. */
const AFTER_MS = 1_000;

async function startFleet(redisUrl: string, maxStreams: number): Promise<{ gateways: Member[]; others: Member[] }> {
  // None is moved to another for evenness: those of the killed one seem to be there for a while, and what is asked for is all at once.
  const env = { REDIS_URL: redisUrl, DRAIN_MS: '0', SPREAD_INTERVAL_MS: '0' };
  const others = [await Member.start('merger', 0, env), await Member.start('bucket', 0, env)];
  const gateways: Member[] = [];
  for (let i = 0; i < 3; i++) {
    gateways.push(await Member.start('gateway', i, { ...env, MAX_STREAMS: String(maxStreams) }));
  }
  return { gateways, others };
}

function startLoad(target: string, streams: number, rate: number, seconds: number) {
  const flags = { target, streams, channels: Math.ceil(streams / 10), rate, duration: `${seconds}s` };
  const more = { 'open-rate': '1000/s', late: '30s', settle: '10s' };
  return runTester(Object.entries({ ...flags, ...more }).flatMap(([name, value]) => [`--${name}`, String(value)]));
}

/** @param backMaxMs How long all streams may take to be back. */
export async function killGateway(options: TrialOptions, backMaxMs = BACK_MAX_MS): Promise<TrialResult> {
  const streams = sized(STREAMS, 60, options);
  const maxStreams = Math.ceil(streams * PLACES_PER_STREAM);
  const failures: string[] = [];
  await using redis = await startRedis();
  const { gateways, others } = await startFleet(redis.url, maxStreams);
  const addresses = (members: readonly Member[]) => members.map(({ address }) => ({ url: `http://${address}` }));
  const proxy = await startEdge(options.edge, {
    buckets: addresses(others.slice(1)),
    gateways: addresses(gateways),
    // All clients have one address.
    connectionsPerIp: 20_000,
  });
  const watch = new Watch(gateways, WATCH_EVERY_MS);
  const rate = sized(CHANGES_PER_S, CHANGES_PER_S_MIN, options);
  const load = startLoad(proxy.plainUrl, streams, rate, (BEFORE_MS + backMaxMs + AFTER_MS) / 1000);
  try {
    await waitFor(() => watch.total >= streams, {
      timeoutMs: OPEN_MAX_MS,
      everyMs: 50,
      what: 'all streams to be open',
    });
    await sleep(BEFORE_MS);
    const held = (await gateways[0]!.load())!.streams;
    const beganMs = performance.now();
    await gateways[0]!.kill9();
    await waitFor(() => watch.totalSince(beganMs) >= streams, {
      timeoutMs: backMaxMs,
      everyMs: 20,
      what: () => `all ${streams} streams to be back; ${watch.totalSince(beganMs)} are`,
    }).catch((error: Error) => failures.push(error.message));
    const backMs = Math.round(performance.now() - beganMs);
    const { result } = await load;
    const { counts, offenceCounts, missingDeliveries } = result!;
    if (watch.highest > maxStreams) failures.push(`a gateway had ${watch.highest} streams, ${maxStreams} are allowed`);
    if (missingDeliveries > 0) failures.push(`${missingDeliveries} events are missing`);
    // Who was on the one that was killed was cut off without a word.
    const unexplained = (offenceCounts.disconnected ?? 0) - held;
    for (const [what, count] of Object.entries({ ...offenceCounts, disconnected: unexplained })) {
      if (count > 0) failures.push(`${count} × ${what}`);
    }
    if (held === 0 || counts.open < streams) failures.push(`${counts.open} of ${streams} streams are open at the end`);
    const figures = {
      ...{ streams, 'places each': maxStreams, 'on the killed one': held, 'all back, ms': backMs },
      ...{ 'most on one': watch.highest, resumed: counts.resumed, 'told to wait': counts.announced },
      ...{ accepted: counts.accepted, owed: counts.owed, missing: missingDeliveries },
      repeated: offenceCounts.repeated ?? 0,
    };
    return { figures, failures };
  } finally {
    watch.close();
    await proxy.stop();
    await Promise.all([...gateways, ...others].map((member) => member.stop()));
  }
}

export const killedGateway: Trial = {
  name: 'killed-gateway',
  promise: `kill -9 of one of three gateways: all its streams are back within ${BACK_MAX_MS / 1000} s, none over capacity, 0 lost, 0 repeated`,
  run: (options) => killGateway(options),
};
