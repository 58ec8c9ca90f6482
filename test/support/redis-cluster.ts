/**
 * A private Redis Cluster for one test file: three primaries and a replica of each, real processes that fail over within
 * about two seconds.
 */
import { setTimeout as sleep } from 'node:timers/promises';
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
  /** Asks the node that serves the keys. */
  cli(...args: string[]): Promise<string>;
  stop(): Promise<void>;
}

const PRIMARIES = 3;
const SLOTS = 16_384;
/** An election takes about this and half of it again. */
const NODE_TIMEOUT_MS = 1_000;
const ANSWER_TIMEOUT_MS = 500;
const START_TIMEOUT_MS = 20_000;
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

async function startNode() {
  const bus = await busPort();
  const server = await startRedis({ ...settings, 'cluster-port': bus });
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
  await waitFor(async () => (await Promise.all(nodes.map(({ server }) => isReady(server)))).every(Boolean), {
    what: 'the cluster to serve, with all replicas attached',
    timeoutMs: START_TIMEOUT_MS,
    everyMs: 100,
  });
}

async function isReady(node: RedisServer): Promise<boolean> {
  const cluster = await node.cli('cluster', 'info');
  const replication = await node.cli('info', 'replication');
  const isAttached = /role:master/.test(replication)
    ? /connected_slaves:1\b[\s\S]*state=online/.test(replication)
    : /master_link_status:up/.test(replication);
  return /cluster_state:ok/.test(cluster) && /cluster_known_nodes:6\b/.test(cluster) && isAttached;
}

export async function startRedisCluster(): Promise<RedisCluster> {
  const nodes = await Promise.all(Array.from({ length: 2 * PRIMARIES }, startNode));
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
    // A frozen one never answers; its redis-cli ends when it is resumed.
    const answer = Promise.race([node.cli('cluster', 'nodes').catch(() => ''), sleep(ANSWER_TIMEOUT_MS, '')]);
    const lines = (await answer).split('\n').map((line) => line.split(' '));
    return lines.find(([, , flags, , , , , , ...ranges]) => {
      if (!flags?.includes('master') || flags.includes('fail')) return false;
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
    cli: (...args) => servers[0]!.cli('-c', ...args),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
