/**
 * What the Redis user of each role cannot do, whatever somebody who has its password sends: a bucket reads nothing of what others
 * send and makes no event, a gateway takes no change out and writes no log, and a wake is heard by mergers alone.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type RedisWithUsers, startRedisWithUsers } from '../support/redis-users.ts';

const key = (name: string) => `sc:{3}:${name}`;
/** A script that declares what it may and then does something else. */
const within = (declared: string, ...words: string[]) => [
  'eval',
  `return redis.call(${words.map((word) => `'${word}'`).join(', ')})`,
  '1',
  declared,
];

const LOGS = ['m:room', 'h:room', 's:room', 'i:room'].map(key);
const OF_MERGERS = ['d:room', 'dx', 'bad'].map(key);
const DANGEROUS = [
  ['keys', '*'],
  ['scan', '0'],
  ['flushall'],
  ['config', 'set', 'maxmemory', '1'],
  ['acl', 'list'],
  ['client', 'list'],
  ['monitor'],
  ['script', 'flush'],
  ['psubscribe', '*'],
  ['subscribe', 'x'],
  ['publish', 'x', 'y'],
  ['replicaof', 'no', 'one'],
  ['shutdown'],
  ['get', 'other'],
  ['set', 'other', 'x'],
];

const never: Readonly<Record<string, readonly (readonly string[])[]>> = {
  bucket: [
    ['lrange', key('inbox'), '0', '-1'],
    ['lpop', key('inbox')],
    ['del', key('inbox')],
    ['rpush', key('shard'), 'x'],
    ['hset', key('shard'), 'epoch', 'zzzzzz'],
    ['hdel', key('shard'), 'lease'],
    within(key('shard'), 'HSET', key('shard'), 'rev', '9'),
    ...[...LOGS, ...OF_MERGERS].flatMap((name) => [
      ['lrange', name, '0', '-1'],
      ['hgetall', name],
      ['rpush', name, 'x'],
      within(key('inbox'), 'RPUSH', name, 'x'),
    ]),
    ['spublish', key('e:room'), 'x'],
    ['spublish', key('epoch'), 'zzzzzz'],
    within(key('inbox'), 'SPUBLISH', key('e:room'), 'x'),
    ...['wake', 'epoch', 'e:room'].map((name) => ['ssubscribe', key(name)]),
    ['set', 'sc:{0}:shard', '1'],
  ],
  gateway: [
    ['lrange', key('inbox'), '0', '-1'],
    ['lindex', key('inbox'), '0'],
    ['lpop', key('inbox')],
    ['rpush', key('inbox'), 'x'],
    ['del', key('inbox')],
    within(key('shard'), 'LRANGE', key('inbox'), '0', '-1'),
    within(key('shard'), 'RPUSH', key('inbox'), 'x'),
    ...OF_MERGERS.flatMap((name) => [
      ['hgetall', name],
      ['hget', name, 'x'],
      ['zrange', name, '0', '-1'],
      ['hset', name, 'x', 'y'],
    ]),
    ...LOGS.flatMap((name) => [
      ['hset', name, 'x', 'y'],
      ['hdel', name, 'x'],
      ['del', name],
      ['unlink', name],
      within(name, 'HSET', name, 'x', 'y'),
      within(key('shard'), 'HDEL', name, 'x'),
    ]),
    ['rpush', key('h:room'), 'x'],
    ['ltrim', key('h:room'), '1', '0'],
    ['zadd', key('f'), '1', 'room'],
    ['spublish', key('e:room'), 'x'],
    within(key('shard'), 'SPUBLISH', key('e:room'), 'x'),
    ['ssubscribe', key('wake')],
  ],
  merger: [],
};

/** What a script is refused inside says so in its own words. */
const REFUSED = /NOPERM|The user executing the script can't (run|access|publish)/;

describe('a Redis user', { concurrency: true }, () => {
  let store: RedisWithUsers;
  before(async () => {
    store = await startRedisWithUsers();
  });
  after(() => store[Symbol.asyncDispose]());

  for (const [role, lines] of Object.entries(never)) {
    it(`of a ${role} is refused what only others need`, async () => {
      for (const line of [...lines, ...DANGEROUS]) {
        await assert.rejects(store.ask(role, ...line), REFUSED, `${role}: ${line.join(' ')}`);
      }
    });
  }

  it('of nobody is refused all but PING', async () => {
    assert.equal(await store.redis.cli('ping'), 'PONG');
    for (const line of [['get', 'sc:{0}:shards'], within(key('inbox'), 'LLEN', key('inbox')), ...DANGEROUS]) {
      await assert.rejects(store.redis.cli(...line), REFUSED, line.join(' '));
    }
  });

  it('of each role may do its own', async () => {
    assert.equal(await store.ask('bucket', ...within(key('inbox'), 'RPUSH', key('inbox'), 'x')), '1');
    assert.equal(await store.ask('bucket', 'spublish', key('wake'), ''), '0');
    assert.equal(await store.ask('gateway', 'lrange', key('h:room'), '0', '-1'), '');
    assert.equal(await store.ask('gateway', 'spublish', key('epoch'), 'zzzzzz'), '0');
    assert.equal(await store.ask('merger', 'lrange', key('inbox'), '0', '-1'), 'x');
    assert.equal(await store.ask('merger', 'spublish', key('e:room'), 'x'), '0');
  });
});
