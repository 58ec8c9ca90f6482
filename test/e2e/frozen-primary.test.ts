/**
 * One of three primaries of a Cluster stands still, under load: who has to do with the other two does not notice. POSTs to their
 * channels are accepted, none later than before, and nobody who sent them needs to send again; their streams are not `degraded`.
 */
import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import { it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { shardOf } from '../../src/domain/channel.ts';
import { slotOf } from '../../src/engine/redis/nodes/topology.ts';
import { startServer } from '../support/process.ts';
import { startRedisCluster, withoutFailover } from '../support/redis-cluster.ts';
import { openSse, type SseReader } from '../support/sse.ts';
import { waitFor } from '../support/wait.ts';

const SHARDS = 16;
const PRIMARIES = 3;
const SLOTS = 16_384;
/** Per 10 ms: 400 a second beside 200, of 16 publishers' connections and more. */
const HEALTHY_PER_TICK = 4;
const FROZEN_PER_TICK = 2;
const TICK_MS = 10;
const QUIET_MS = 3_000;
/** Longer than a command may take, than the wait for a connection, and than it takes to tell streams. */
const FROZEN_MS = 8_000;
/** Half of the time that a command may take: who waited for the frozen one took longer. */
const LATE_MS = 500;

/** Channels by the primary that has them, as `redis-cluster.ts` gives out the slots. */
function channelsOf(primary: number): string[] {
  const names = Array.from({ length: 300 }, (_, i) => `room-${i}`);
  return names.filter((name) => Math.floor((slotOf(shardOf(name, SHARDS)) * PRIMARIES) / SLOTS) === primary);
}

interface Sent {
  readonly tookMs: number;
  readonly status: number;
}

function post(agent: Agent, url: string): Promise<Sent> {
  const sentMs = performance.now();
  return new Promise((resolve) => {
    const end = (status: number) => resolve({ status, tookMs: performance.now() - sentMs });
    const sent = request(url, { method: 'POST', agent }, (response) => {
      response.resume().on('end', () => end(response.statusCode!));
    });
    sent.on('error', () => end(0)).end('x');
  });
}

/** At a steady pace, whether or not answers come. */
async function send(agent: Agent, urls: readonly string[], perTick: number, forMs: number): Promise<Sent[]> {
  const under: Promise<Sent>[] = [];
  const startMs = performance.now();
  for (let tick = 0; tick * TICK_MS < forMs; tick++) {
    for (let i = 0; i < perTick; i++) under.push(post(agent, urls[under.length % urls.length]!));
    await sleep(Math.max(0, startMs + (tick + 1) * TICK_MS - performance.now()));
  }
  return Promise.all(under);
}

function p99(sent: readonly Sent[]): number {
  const sorted = sent.map(({ tookMs }) => tookMs).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length * 0.99)]!;
}

const told = ({ frames }: SseReader) =>
  frames.flatMap(({ event, data }) => (event === '$sync' ? (JSON.parse(data!) as { status: string }).status : []));

it('leaves the channels of the others alone', { timeout: 180_000 }, async (t) => {
  await using cluster = await startRedisCluster(withoutFailover);
  await using server = await startServer({ env: { REDIS_URL: cluster.url, REDIS_MODE: 'cluster', SHARDS: '16' } });
  const url = (channel: string) => `${server.url}/c/${channel}`;
  const [its, ...others] = [0, 1, 2].map(channelsOf) as [string[], ...string[][]];
  const healthy = others.flat().map(url);
  const frozen = its.map(url);
  const agents = [new Agent({ keepAlive: true }), new Agent({ keepAlive: true })] as const;
  await using reader = await openSse(`${healthy[0]!}/events`);
  await using itsReader = await openSse(`${frozen[0]!}/events`);

  await send(agents[0], [...healthy, ...frozen], HEALTHY_PER_TICK, 500);
  const quiet = await send(agents[0], healthy, HEALTHY_PER_TICK, QUIET_MS);
  cluster.nodes[0]!.pause();
  const [amid, lost] = await Promise.all([
    send(agents[0], healthy, HEALTHY_PER_TICK, FROZEN_MS),
    send(agents[1], frozen, FROZEN_PER_TICK, FROZEN_MS),
  ]);
  cluster.nodes[0]!.resume();
  for (const agent of agents) agent.destroy();

  const accepted = amid.filter(({ status }) => status === 204).length;
  const figures = {
    healthy: `${accepted} of ${amid.length} are 204`,
    p99: `${p99(amid).toFixed(1)} ms, quiet ${p99(quiet).toFixed(1)} ms`,
    frozen: `${lost.filter(({ status }) => status === 204).length} of ${lost.length} are 204, p99 ${p99(lost).toFixed(1)} ms`,
  };
  t.diagnostic(JSON.stringify(figures));
  assert.ok(
    lost.some(({ status }) => status === 503),
    'it was frozen',
  );
  assert.ok(accepted >= amid.length * 0.999, figures.healthy);
  assert.ok(p99(amid) < Math.max(2 * p99(quiet), LATE_MS), figures.p99);
  await waitFor(() => told(itsReader).includes('recovered'), { timeoutMs: 30_000, what: 'the others to be told' });
  assert.deepEqual(told(reader), ['fresh'], 'their streams are not degraded');
  assert.deepEqual(told(itsReader), ['fresh', 'degraded', 'recovered']);
});
