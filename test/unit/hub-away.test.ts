/** A hub whose store does not answer: who waits for a comparison is told so, and need not wait until it is back. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, it } from 'node:test';
import { cursorPrefix, formatCursor } from '../../src/domain/cursor.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { createMemoryEngine } from '../../src/engine/memory/engine.ts';
import { EngineUnavailable } from '../../src/errors.ts';
import { Hub } from '../../src/gateway/hub/hub.ts';
import { Snapshots } from '../../src/gateway/hub/snapshots.ts';
import { findStart } from '../../src/gateway/stream/start.ts';
import { generousOptions } from '../contract/engine/kit.ts';
import { tailsOf } from '../support/tails.ts';

const clock = { wallMs: () => 0, elapsedMs: () => 0 };
const wish = { isLastEventId: true, snapshot: false };
let isAway = false;
let engine: Engine;
let hubs: Hub[] = [];

beforeEach(async () => {
  isAway = false;
  const memory = createMemoryEngine({ ...generousOptions, shards: 1 }, clock);
  const readHistory: Engine['readHistory'] = async (...asked) => {
    if (isAway) throw new EngineUnavailable('away');
    return memory.readHistory(...asked);
  };
  engine = { ...memory, readHistory, ...tailsOf(readHistory) };
  hubs = ['a', 'b'].map((channel) => new Hub(channel, { engine, account: () => {}, onError: () => {} }));
  await Promise.all(hubs.map(({ opened }) => opened));
});

afterEach(() => {
  for (const hub of hubs) hub.close();
});

it('a position of another epoch, or ahead of the hub, is not kept waiting', { timeout: 10_000 }, async () => {
  isAway = true;
  const [hub] = hubs;
  for (const epoch of ['bbbbbb2', hub!.epoch]) {
    const since = formatCursor(cursorPrefix(['a'], [epoch]), [9]);
    await assert.rejects(findStart({ histories: engine, clock }, [hub!], { ...wish, since }), EngineUnavailable);
  }
});

it('nor is a cursor of several channels whose digest does not fit', { timeout: 10_000 }, async () => {
  isAway = true;
  const since = 'zzzzzzzz.1.1';
  await assert.rejects(findStart({ histories: engine, clock }, hubs, { ...wish, since }), EngineUnavailable);
});

it('the hub itself goes on to try, and answers when the store is back', { timeout: 10_000 }, async () => {
  isAway = true;
  const [hub] = hubs;
  await assert.rejects(hub!.repaired(), EngineUnavailable);
  isAway = false;
  await hub!.repaired();
  const since = formatCursor(cursorPrefix(['a'], ['bbbbbb2']), [9]);
  const [start] = await findStart({ histories: engine, clock }, [hub!], { ...wish, since });
  assert.equal(start!.status, 'reset');
});

it('once it is known to be away nobody is told where the channel is, and no store is asked', async () => {
  let asked = 0;
  const counted: Engine = {
    ...engine,
    readHistory(...rest) {
      asked++;
      return engine.readHistory(...rest);
    },
    readState(...rest) {
      asked++;
      return engine.readState(...rest);
    },
  };
  let isKnown = false;
  const deps = { engine: counted, account: () => {}, onError: () => {}, isAway: () => isKnown };
  const hub = new Hub('c', deps);
  hubs.push(hub);
  await hub.opened;
  isKnown = true;
  asked = 0;
  await assert.rejects(
    findStart({ histories: counted, clock }, [hub], { ...wish, since: undefined }),
    EngineUnavailable,
  );
  hub.published(hub.epoch, [{ offset: 1, from: '', seq: 0, atMs: 0, bytes: Buffer.of(120) }]);
  hub.published(hub.epoch, [{ offset: 2, from: '', seq: 0, atMs: 0, bytes: Buffer.of(120) }]);
  hub.shrink();
  await assert.rejects(hub.page({ epoch: hub.epoch, offset: 0 }), EngineUnavailable);
  await assert.rejects(new Snapshots(counted, () => isKnown).of('c'), EngineUnavailable);
  assert.equal(asked, 0);
});
