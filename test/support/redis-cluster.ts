/**
 * A private Redis Cluster for one test file: three primaries and a replica of each, real processes that fail over within
 * some seconds.
 */
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from '../../loadtest/fleet/port.ts';
import { type RedisServer, type RedisSettings, startRedis } from './redis-server.ts';
import { waitFor } from './wait.ts';

export interface RedisCluster extends AsyncDisposable {
  /** All six, with commas. */
  readonly url: string;
  /** The first three began as primaries; the replica of each is three further on. */
  readonly nodes: readonly RedisServer[];
  /** The primary that serves a slot, as all nodes that answer agree. */
  ownerOf(slot: number): Promise<RedisServer>;
  /**
   * Moves a slot as `redis-cli --cluster reshard` does, a few keys at a time.
   *
   * @param amid Called when the first keys are on the other side.
   */
  moveSlot(slot: number, to: RedisServer, amid?: () => Promise<void>): Promise<void>;
  /** Resolves when all six serve, each primary with its replica. */
  ready(): Promise<void>;
  /** What each node believes, for whoever reads why a test failed. */
  told(): Promise<string>;
  /** Asks the node that serves the keys. */
  cli(...args: string[]): Promise<string>;
  stop(): Promise<void>;
}

const run = promisify(execFile);

const PRIMARIES = 3;
const SLOTS = 16_384;
/** An election takes about this and half of it again. A node that a busy machine keeps waiting for so long is taken for dead. */
const NODE_TIMEOUT_MS = 2_000;
const ANSWER_TIMEOUT_MS = 500;
const START_TIMEOUT_MS = 40_000;
/** So few that a move takes some moments, in which the keys of one shard are on both sides. */
const KEYS_PER_MIGRATE = 5;

const settings: RedisSettings = {
  'cluster-enabled': 'yes',
  'cluster-node-timeout': String(NODE_TIMEOUT_MS),
  // The replica of each stays its own, whatever happens to the others.
  'cluster-allow-replica-migration': 'no',
  'repl-diskless-sync-delay': '0',
  // At the end all stop at once: no primary is to wait for its replica.
  'shutdown-timeout': '0',
};

/** For the cluster bus; the usual port + 10,000 could be an outgoing connection's. */
export async function busPort(): Promise<string> {
  return String(await freePort());
}

async function startNode(more: RedisSettings) {
  const bus = await busPort();
  const server = await startRedis({ ...settings, ...more, 'cluster-port': bus });
  return { server, bus, id: await server.cli('cluster', 'myid') };
}

/** Makes one cluster of nodes that do not know each other. */
async function join(nodes: readonly Awaited<ReturnType<typeof startNode>>[]): Promise<void> {
  const primaries = nodes.slice(0, PRIMARIES);
  const share = SLOTS / PRIMARIES;
  for (const [i, { server }] of primaries.entries()) {
    await server.cli('cluster', 'set-config-epoch', String(i + 1));
    const [first, last] = [Math.ceil(i * share), Math.ceil((i + 1) * share) - 1];
    await server.cli('cluster', 'addslotsrange', String(first), String(last));
  }
  for (const { server, bus } of nodes.slice(1)) {
    await nodes[0]!.server.cli('cluster', 'meet', '127.0.0.1', String(server.port), bus);
  }
  for (const [i, { id }] of primaries.entries()) {
    const replica = nodes[i + PRIMARIES]!.server;
    await waitFor(() => replica.cli('cluster', 'replicate', id).catch(() => undefined), {
      what: 'a replica to know its primary',
      everyMs: 100,
    });
  }
  await ready(nodes.map(({ server }) => server));
}

async function ready(nodes: readonly RedisServer[]): Promise<void> {
  await waitFor(() => areReady(nodes), {
    what: 'the cluster to serve, with all replicas attached',
    timeoutMs: START_TIMEOUT_MS,
    everyMs: 100,
  });
}

async function toldBy(node: RedisServer): Promise<string> {
  const ask = (what: string) => Promise.race([node.cli('cluster', what).catch(String), sleep(ANSWER_TIMEOUT_MS, '-')]);
  return [`# ${node.port}`, (await ask('info')).split('\n')[0], await ask('nodes')].join('\n');
}

/** One after the other, as far as the first that is not. */
async function areReady(nodes: readonly RedisServer[]): Promise<boolean> {
  for (const node of nodes) if (!(await isReady(node))) return false;
  return true;
}

async function isReady(node: RedisServer): Promise<boolean> {
  const cluster = await node.cli('cluster', 'info');
  if (!/cluster_state:ok/.test(cluster) || !/cluster_known_nodes:6\b/.test(cluster)) return false;
  const replication = await node.cli('info', 'replication');
  return /role:master/.test(replication)
    ? /connected_slaves:1\b[\s\S]*state=online/.test(replication)
    : /master_link_status:up/.test(replication);
}

/** @param more Of every node. */
export async function startRedisCluster(more: RedisSettings = {}): Promise<RedisCluster> {
  const nodes = await Promise.all(Array.from({ length: 2 * PRIMARIES }, () => startNode(more)));
  const stop = async () => void (await Promise.all(nodes.map(({ server }) => server.stop())));
  try {
    await join(nodes);
  } catch (error) {
    await stop();
    throw error;
  }
  const servers = nodes.map(({ server }) => server);

  /** Who a node believes serves a slot; undefined where it does not answer. */
  async function ownerAsSeenBy(node: RedisServer, slot: number): Promise<string | undefined> {
    // A frozen one does not answer before it is resumed.
    const answer = Promise.race([node.cli('cluster', 'nodes').catch(() => ''), sleep(ANSWER_TIMEOUT_MS, '')]);
    const lines = (await answer).split('\n').map((line) => line.split(' '));
    return lines.find(([, , flags, , , , , , ...ranges]) => {
      const is = (flag: string) => flags?.split(',').includes(flag);
      if (!is('master') || is('fail')) return false;
      return ranges.some((range) => {
        const [first, last = first] = range.split('-').map(Number);
        return first! <= slot && slot <= last!;
      });
    })?.[0];
  }

  async function ownerOf(slot: number): Promise<RedisServer> {
    return waitFor(
      async () => {
        const owners = await Promise.all(servers.map((node) => ownerAsSeenBy(node, slot)));
        const [owner, ...others] = new Set(owners.filter((each) => each !== undefined));
        return others.length === 0 ? nodes.find(({ id }) => id === owner)?.server : undefined;
      },
      { what: `one primary to serve slot ${slot}`, timeoutMs: START_TIMEOUT_MS, everyMs: 50 },
    );
  }

  async function moveSlot(slot: number, to: RedisServer, amid?: () => Promise<void>): Promise<void> {
    const from = await ownerOf(slot);
    if (from === to) return;
    const idOf = (server: RedisServer) => nodes.find((node) => node.server === server)!.id;
    const setSlot = (node: RedisServer, ...what: string[]) => node.cli('cluster', 'setslot', String(slot), ...what);
    await setSlot(to, 'importing', idOf(from));
    await setSlot(from, 'migrating', idOf(to));
    for (let batch = 0; ; batch++) {
      if (batch === 1) await amid?.();
      const keys = await from.cli('cluster', 'getkeysinslot', String(slot), String(KEYS_PER_MIGRATE));
      if (keys === '') break;
      await from.cli('migrate', '127.0.0.1', String(to.port), '', '0', '5000', 'keys', ...keys.split('\n'));
    }
    await setSlot(to, 'node', idOf(to));
    await setSlot(from, 'node', idOf(to));
  }

  return {
    url: servers.map(({ url }) => url).join(','),
    nodes: servers,
    ownerOf,
    moveSlot,
    ready: () => ready(servers),
    told: async () => (await Promise.all(servers.map(toldBy))).join('\n'),
    async cli(...args) {
      const { stdout } = await run('redis-cli', ['-e', '-c', '-p', String(servers[0]!.port), ...args]);
      return stdout.trimEnd();
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** Nobody takes the place of a primary that is away, and the others serve their slots without it. */
export const withoutFailover: RedisSettings = {
  'cluster-replica-no-failover': 'yes',
  'cluster-require-full-coverage': 'no',
};
