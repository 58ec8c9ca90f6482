/** A replica that is made primary has all that the shard has, the lease among it: that it is another process is noticed all the same. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createRedisEngine } from '../../src/engine/redis/engine.ts';
import { event, generousOptions, LONG_MS, TOKEN } from '../contract/engine/kit.ts';
import { startCutProxy } from '../support/cut-proxy.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { waitFor } from '../support/wait.ts';

const ignore = () => {};
const log = { info: ignore, warn: ignore, error: ignore };
const LIMITS = { maxEntries: 1, maxBytes: 1 };
const LEASE = { token: TOKEN, ms: LONG_MS };

const startReplicaOf = (primary: RedisServer) => startRedis({ replicaof: `127.0.0.1 ${primary.port}` });

const openEngine = (url: string) => createRedisEngine({ ...generousOptions, shards: 1, url, prefix: 'sc', log });

/** As the shard has it. */
const replIdOf = async (redis: RedisServer) => (await redis.cli('hget', 'sc:{0}:shard', 'serverReplId')).trim();

function commitOf(rev: number, epoch: string) {
  const its = { channel: 'room', head: null, reducer: 'log', stateBytes: 0, state: new Map(), seqs: new Map() };
  return { token: TOKEN, rev, epoch, entries: 0, unreadable: [], channels: [{ ...its, events: [event(1, 'first')] }] };
}

describe('a commit that was begun before its shard was on another Redis process', () => {
  it('is refused by a replica that has become primary, with the very lease and rev', async () => {
    await using primary = await startRedis({ 'repl-diskless-sync-delay': '0' });
    await using replica = await startReplicaOf(primary);
    await using proxy = await startCutProxy(primary.url);
    const engine = await openEngine(proxy.url.replace('http:', 'redis:'));
    try {
      const peek = await engine.peek(0, LEASE, LIMITS);
      assert.equal(peek.kind, 'entries');
      await waitFor(async () => (await replIdOf(replica)) === (await replIdOf(primary)), {
        what: 'the replica to follow',
      });
      proxy.pointAt(replica.url);
      await replica.cli('replicaof', 'no', 'one');
      proxy.cut();
      const outcome = await waitFor(() => engine.commit(0, commitOf(peek.rev, peek.epoch)).catch(() => undefined), {
        what: 'an answer to the commit',
      });
      assert.deepEqual(outcome, { kind: 'refused', reason: 'lease' });
    } finally {
      await engine.close();
    }
  });

  it('is taken by the process that has only made itself a new replication id, and that id is noted', async () => {
    await using redis = await startRedis();
    const engine = await openEngine(redis.url);
    try {
      const peek = await engine.peek(0, LEASE, LIMITS);
      assert.equal(peek.kind, 'entries');
      const noted = await replIdOf(redis);
      // As after an hour without a replica (repl-backlog-ttl).
      await redis.cli('replicaof', '127.0.0.1', '1');
      await redis.cli('replicaof', 'no', 'one');
      const outcome = await engine.commit(0, commitOf(peek.rev, peek.epoch));
      assert.equal(outcome.kind, 'committed');
      await engine.peek(0, LEASE, LIMITS);
      assert.notEqual(await replIdOf(redis), noted);
      assert.match(await redis.cli('info', 'replication'), new RegExp(`master_replid:${await replIdOf(redis)}`));
    } finally {
      await engine.close();
    }
  });
});
