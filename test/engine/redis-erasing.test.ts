/** Erasing in Redis, beyond the contract: nothing is written while nobody knows what a store that came back has lost. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { createRedisEngine } from '../../src/engine/redis/engine.ts';
import { EngineUnavailable } from '../../src/errors.ts';
import { change, event, generousOptions, LONG_MS, TOKEN } from '../contract/engine/kit.ts';
import { startRedis } from '../support/redis-server.ts';
import { waitFor } from '../support/wait.ts';

const ignore = () => {};
const log = { info: ignore, warn: ignore, error: ignore };
const FROM = 'alice.1';

it('an erasure waits until it is known what a Redis that was restarted has', async (t) => {
  await using redis = await startRedis({ appendfsync: 'always' });
  const engine = await createRedisEngine({ ...generousOptions, shards: 1, url: redis.url, prefix: 'sc', log });
  t.after(() => engine.close());
  const peek = () => engine.peek(0, { token: TOKEN, ms: LONG_MS }, { maxEntries: 10, maxBytes: 1_000 });
  const first = await peek();
  assert.ok(first.kind === 'entries');
  const { rev, epoch } = first;
  const sent = event(1, 'secret', { from: FROM, seq: 1 });
  const room = { channel: 'room', head: null, events: [sent], reducer: 'log', state: new Map(), stateBytes: 0 };
  const channels = [{ ...room, seqs: new Map() }];
  await engine.commit(0, { token: TOKEN, rev, epoch, entries: 0, channels, unreadable: [] });
  await engine.append([change('room', 'waits', { from: FROM, seq: 2 })]);
  const erasure = { channel: 'room', epoch, name: 'alice', through: 1, field: null, atMs: 1 };
  const erase = () => engine.erase(0, { ...erasure, events: [{ event: sent, countedIn: null }] });
  const asFound = async () => {
    await assert.rejects(erase(), EngineUnavailable);
    await assert.rejects(engine.eraseWaiting(0, 'alice'), EngineUnavailable);
    const page = await engine.readHistory('room', null, 10);
    assert.deepEqual([page.log.head, page.kind === 'events' && page.events.length], [1, 1]);
  };

  await redis.restart();
  await waitFor(
    () =>
      engine
        .ping()
        .then(({ size }) => size === 0)
        .catch(() => false),
    { what: 'Redis' },
  );
  await asFound();
  assert.equal((await peek()).kind, 'held', 'for a second nobody merges');
  await asFound();
  await waitFor(async () => (await peek()).kind === 'entries', { what: 'the merge to go on' });
  assert.deepEqual(await erase(), { events: 1, fields: 0 });
  assert.equal(await engine.eraseWaiting(0, 'alice'), 1);
});
