/**
 * A fleet on a Redis Cluster: slots move, primaries die and stand still under load. With REDIS_WAIT_REPLICAS nothing accepted is
 * lost; without it a replica that was behind when it was promoted takes with it what it had not got, which the checker
 * has to see.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { shardOf } from '../../../src/domain/channel.ts';
import { slotOf } from '../../../src/engine/redis/nodes/topology.ts';
import { type RedisCluster, startRedisCluster } from '../../support/redis-cluster.ts';
import type { RedisServer } from '../../support/redis-server.ts';
import { waitFor } from '../../support/wait.ts';
import type { Recorder } from '../history.ts';
import { LAB_ENV } from '../lab.ts';
import { CHANNELS, type RunOptions, type RunResult, run } from '../run.ts';
import { type Scenario, type ScenarioOptions, sized, violationsOf } from './scenario.ts';

/** Of the shards that have something to lose. */
const SLOTS = CHANNELS.map((channel) => slotOf(shardOf(channel, Number(LAB_ENV.SHARDS))));
const PROMOTED_MAX_MS = 20_000;
/** Each look asks all nodes, in a process for each. */
const LOOK_EVERY_MS = 200;
/** How long a replica gets nothing before its primary dies: less than after which the others give it up. */
const BEHIND_MS = 600;
/** The same of a primary that nobody takes the place of. */
const FROZEN_MS = 600;

type During = (cluster: RedisCluster, replaced: () => void) => Promise<void>;

async function onCluster(options: ScenarioOptions, waitReplicas: number, during: During): Promise<RunResult> {
  await using cluster = await startRedisCluster();
  const redis = { REDIS_MODE: 'cluster', REDIS_URL: cluster.url, REDIS_WAIT_REPLICAS: String(waitReplicas) };
  const load: Omit<RunOptions, 'during'> = {
    seed: options.seed,
    planned: [],
    writers: 8,
    readers: 9,
    rate: 200,
    env: redis,
  };
  // What it had not passed on is gone with a primary: no change that has a replica, but commits (`acknowledgement.ts`).
  const replaced = (recorder: Recorder) => void recorder.add({ t: 'loss', since: recorder.now, until: -1 });
  return await run({ ...load, during: (_lab, recorder) => during(cluster, () => replaced(recorder)) });
}

/** Its replica takes over; then it comes back as a replica, without which nothing would be accepted there any more. */
async function killPrimary(cluster: RedisCluster, slot: number, primary: RedisServer): Promise<void> {
  await primary.kill9();
  const isOther = async () => (await cluster.ownerOf(slot)) !== primary;
  await waitFor(isOther, { what: 'a replica to be promoted', timeoutMs: PROMOTED_MAX_MS, everyMs: LOOK_EVERY_MS });
  await primary.restart();
  const isInStep = async () => (await primary.cli('info', 'replication')).includes('master_link_status:up');
  await waitFor(isInStep, {
    what: 'the old primary to be a replica',
    timeoutMs: PROMOTED_MAX_MS,
    everyMs: LOOK_EVERY_MS,
  });
}

/** Its place is taken, or it is itself again; then all of it is as it was, with a replica in step. */
async function freezePrimary(cluster: RedisCluster, slot: number, isReplaced: boolean): Promise<void> {
  const primary = await cluster.ownerOf(slot);
  const isOther = async () => (await cluster.ownerOf(slot)) !== primary;
  const look = { timeoutMs: PROMOTED_MAX_MS, everyMs: LOOK_EVERY_MS };
  primary.pause();
  try {
    if (isReplaced) await waitFor(isOther, { ...look, what: 'a replica to take the place of the frozen one' });
    else await sleep(FROZEN_MS);
  } finally {
    primary.resume();
  }
  // Whichever of the two it is by now.
  const isInStep = async () =>
    /master_link_status:up|slave0:.*state=online/.test(await primary.cli('info', 'replication'));
  await waitFor(isInStep, { ...look, what: 'primary and replica to be in step' });
}

/** A primary that serves other slots; these never move. */
async function another(cluster: RedisCluster, slot: number): Promise<RedisServer> {
  const owner = await cluster.ownerOf(slot);
  const owners = await Promise.all([0, 6_000, 12_000].map((each) => cluster.ownerOf(each)));
  return owners.find((each) => each !== owner)!;
}

export const clusterMoves: Scenario = {
  name: 'cluster-moves',
  promise: 'slots moved and primaries killed under load, with REDIS_WAIT_REPLICAS=1: 0 violations',
  async run(options) {
    const rounds = sized(10, 1, options);
    const result = await onCluster(options, 1, async (cluster, replaced) => {
      for (let round = 0; round < rounds; round++) {
        const slot = SLOTS[round % SLOTS.length]!;
        const to = await another(cluster, slot);
        await cluster.moveSlot(slot, to);
        await sleep(500);
        replaced();
        await killPrimary(cluster, slot, to);
        await sleep(500);
      }
    });
    return {
      figures: { ...result.verdict.figures, moves: rounds, kills: rounds },
      failures: violationsOf(result.verdict),
    };
  },
};

export const clusterFreezes: Scenario = {
  name: 'cluster-freezes',
  promise:
    'primaries frozen under load, for less and for more than it takes to replace one, with REDIS_WAIT_REPLICAS=1: 0 violations',
  async run(options) {
    const rounds = sized(20, 2, options);
    const result = await onCluster(options, 1, async (cluster, replaced) => {
      for (let round = 0; round < rounds; round++) {
        const isReplaced = round % 2 === 1;
        if (isReplaced) replaced();
        await freezePrimary(cluster, SLOTS[(round >> 1) % SLOTS.length]!, isReplaced);
        await sleep(500);
      }
    });
    return { figures: { ...result.verdict.figures, frozen: rounds }, failures: violationsOf(result.verdict) };
  },
};

export const clusterLoses: Scenario = {
  name: 'cluster-loses',
  promise: 'a primary dies whose replica is behind: without REDIS_WAIT_REPLICAS that DOES lose, with it nothing',
  async run(options) {
    const lost: Record<string, number> = {};
    for (const waitReplicas of [0, 1]) {
      const result = await onCluster(options, waitReplicas, async (cluster) => {
        const slot = SLOTS[0]!;
        const primary = await cluster.ownerOf(slot);
        const replica = cluster.nodes[cluster.nodes.indexOf(primary) + cluster.nodes.length / 2]!;
        replica.pause();
        // Else what it has not read yet is in its socket, and outlives the primary there.
        await primary.cli('client', 'kill', 'type', 'replica');
        await sleep(BEHIND_MS);
        await primary.kill9();
        replica.resume();
        await killPrimary(cluster, slot, primary);
      });
      const isLoss = ({ invariant, what }: RunResult['verdict']['violations'][number]) =>
        invariant === 'I1' && what.startsWith('lost');
      lost[`lost, REDIS_WAIT_REPLICAS=${waitReplicas}`] = result.verdict.violations.filter(isLoss).length;
    }
    const [without, withOne] = Object.values(lost) as [number, number];
    const failures: string[] = [];
    if (without === 0) failures.push('the checker saw no loss without REDIS_WAIT_REPLICAS');
    if (withOne > 0) failures.push(`${withOne} accepted changes were lost with REDIS_WAIT_REPLICAS=1`);
    return { figures: lost, failures };
  },
};
