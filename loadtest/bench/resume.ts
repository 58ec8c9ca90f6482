/**
 * A storm of returning clients: 10,000 streams on 100 channels come back with 100 missed events each, beside as many that
 * connect for the first time.
 *
 * Why this is valid: both are the same streams to the same channels of a gateway that has just started, so nothing is in
 * its memory: what a client has missed has to be read from Redis by somebody. In each round a new gateway process for each
 * side, in turn, warmed up with 2,000 connects to another channel. A fresh stream counts when its first bytes have come, a
 * resumed one when it has *all* its missed events. Bucket and merger are stopped before, so the script calls that Redis
 * counts are the gateway's: one per history read. No AOF.
 *
 * npm run bench -- resume [--rounds 5] [--streams 10000] [--channels 100] [--missed 100]
 */
import { request } from 'undici';
import { HeldStreams } from './held-streams.ts';
import { startSmallchange } from './measured.ts';
import { numbersOf } from './options.ts';
import { type RedisRunning, startRedis } from './redis.ts';
import { publish, spreadOf, table, written } from './report.ts';

const options = numbersOf({ rounds: 5, streams: 10_000, channels: 100, missed: 100 });
const { rounds, streams, channels, missed } = options;
const WARM_UP_STREAMS = 2000;
/** What a gateway asks of Redis whether or not anybody comes, at its least. */
const leastOfItsOwn = { SPREAD_INTERVAL_MS: '0' };

interface Side {
  readonly seconds: number;
  readonly readsPerChannel: number;
  readonly gatewayCpuS: number;
  readonly holderCpuS: number;
}

/** Makes the events that will have been missed. @returns Each channel's cursor from before them. */
async function prepare(redis: RedisRunning): Promise<string[]> {
  const server = await startSmallchange({ env: { REDIS_URL: redis.url } });
  const held = new HeldStreams(server);
  try {
    const names = Array.from({ length: channels }, (_, i) => `room${i}`);
    const cursors = await Promise.all(names.map((name) => cursorOf(server.port, name)));
    await held.open(channels, channels);
    await Promise.all(names.flatMap((name) => Array.from({ length: missed }, () => held.send(name))));
    await held.arrived(channels * missed);
    return cursors;
  } finally {
    await held.close();
    await server.stop();
  }
}

/** A poll without a cursor only tells where now is (P18). */
async function cursorOf(port: number, channel: string): Promise<string> {
  const { body } = await request(`http://127.0.0.1:${port}/c/${channel}/events?format=json`);
  return ((await body.json()) as { cursor: string }).cursor;
}

async function storm(redis: RedisRunning, cursors?: readonly string[]): Promise<Side> {
  const env = { ROLES: 'gateway', REDIS_URL: redis.url, MAX_STREAMS: '19500', ...leastOfItsOwn };
  const gateway = await startSmallchange({ name: 'gateway', env });
  const warmUp = new HeldStreams({ ...gateway, paths: { publish: '', subscribe: '/c/warm/events' } });
  const held = new HeldStreams(gateway);
  try {
    await warmUp.open(Math.min(WARM_UP_STREAMS, streams), 1);
    await warmUp.close();
    const before = { reads: await redis.scriptCalls(), cpuS: gateway.cpuS(), counted: await held.counted() };
    const startedMs = Date.now();
    let seconds = await held.open(streams, channels, cursors);
    if (cursors) {
      await held.arrived(streams * missed);
      seconds = ((await held.counted()).lastMs - startedMs) / 1000;
    }
    const counted = await held.counted();
    if (cursors && counted.frames !== streams * missed) throw new Error(`${counted.frames} frames, some twice`);
    return {
      seconds,
      readsPerChannel: ((await redis.scriptCalls()) - before.reads) / channels,
      gatewayCpuS: gateway.cpuS() - before.cpuS,
      holderCpuS: counted.cpuS - before.counted.cpuS,
    };
  } finally {
    await held.close();
    await gateway.stop();
  }
}

const done: { fresh: Side; resumed: Side }[] = [];
const redis = await startRedis('off');
const cursors = await prepare(redis);
for (let round = 1; round <= rounds; round++) {
  const pair = { fresh: await storm(redis), resumed: await storm(redis, cursors) };
  done.push(pair);
  console.log(
    `round ${round}: fresh ${Math.round(streams / pair.fresh.seconds)}/s, resumed ${Math.round(streams / pair.resumed.seconds)}/s,`,
    `ratio ${(pair.fresh.seconds / pair.resumed.seconds).toFixed(2)}, ${pair.resumed.readsPerChannel.toFixed(2)} reads per channel`,
  );
}
await redis.stop();

const row = (name: string, sides: readonly Side[]) => [
  name,
  written(spreadOf(sides.map(({ seconds }) => streams / seconds))),
  written(spreadOf(sides.map(({ readsPerChannel }) => readsPerChannel)), 2),
  written(spreadOf(sides.map(({ gatewayCpuS, seconds }) => gatewayCpuS / seconds)), 2),
  written(spreadOf(sides.map(({ holderCpuS, seconds }) => holderCpuS / seconds)), 2),
];
const fresh = done.map((pair) => pair.fresh);
const resumed = done.map((pair) => pair.resumed);
publish(
  'resume',
  'A storm of returning clients',
  [
    `${streams.toLocaleString('en')} streams on ${channels} channels, ${missed} missed events each, ${rounds} rounds in turn; median (min–max). Redis AOF off.`,
    '',
    table(
      ['', 'streams/s', 'Redis reads per channel', 'gateway CPU', 'holder CPU'],
      [row('fresh connects', fresh), row('resumed, with all they missed', resumed)],
    ),
    '',
    `Ratio of the rates within a round: **${written(spreadOf(fresh.map(({ seconds }, i) => seconds / resumed[i]!.seconds)), 2)}**. CPU in cores.`,
  ].join('\n'),
);
