/** The hubs of a gateway over a store that only counts: what is kept, and for how long. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, it, mock } from 'node:test';
import { systemClock } from '../../src/clock.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { createMemoryEngine } from '../../src/engine/memory/engine.ts';
import { EngineUnavailable } from '../../src/errors.ts';
import { acquireAll, createHubs, type Hubs } from '../../src/gateway/hub/hubs.ts';
import { createTurns } from '../../src/gateway/turns.ts';
import { createLogger } from '../../src/log.ts';
import { createMetrics } from '../../src/metrics.ts';
import { generousOptions } from '../contract/engine/kit.ts';

const IDLE_MS = 30_000;
const IDLE_MAX = 10_000;
/** In which every hub has its turn, though fewer have it at once the fewer are left. */
const ROUNDS_MS = 15_000;

let nowMs = 0;
let subscriptions = 0;
let engine: Engine;
let hubs: Hubs;

beforeEach(() => {
  mock.timers.enable({ apis: ['setInterval'] });
  nowMs = 0;
  subscriptions = 0;
  const clock = { wallMs: () => nowMs, elapsedMs: () => nowMs };
  const memory = createMemoryEngine({ ...generousOptions, shards: 1 }, clock);
  engine = {
    ...memory,
    async subscribe(...asked) {
      subscriptions++;
      const { close } = await memory.subscribe(...asked);
      return {
        close() {
          subscriptions--;
          close();
        },
      };
    },
  };
  const log = createLogger({ logLevel: 'silent' });
  hubs = createHubs({
    engine,
    clock,
    log,
    metrics: createMetrics(),
    ringMaxBytes: 1 << 20,
    turns: createTurns(systemClock),
    gateways: () => 100,
  });
});

afterEach(() => {
  hubs.close();
  mock.timers.reset();
});

function passMs(ms: number): void {
  for (const untilMs = nowMs + ms; nowMs < untilMs; mock.timers.tick(100)) nowMs += 100;
}

it('hubs without readers go after half a minute, however few reads comparing may take', async () => {
  const held = await Promise.all(Array.from({ length: 300 }, (_, i) => hubs.acquire(`room-${i}`)));
  for (const hub of held.slice(1)) hubs.release(hub);
  assert.equal(subscriptions, 300);
  passMs(IDLE_MS - 1_000);
  assert.equal(subscriptions, 300);
  passMs(ROUNDS_MS);
  assert.equal(subscriptions, 1);
});

it('one that was only looked at goes at once, and is kept where somebody stayed', async () => {
  const passing = await hubs.acquire('passing');
  hubs.release(passing, true);
  assert.equal(subscriptions, 0);
  const [one, other] = [await hubs.acquire('stayed'), await hubs.acquire('stayed')];
  hubs.release(one);
  hubs.release(other, true);
  assert.equal(subscriptions, 1);
  assert.equal(await hubs.acquire('stayed'), one, 'who comes back finds it');
});

it('a request that fails for one of its channels keeps none of the others', async () => {
  const { subscribe } = engine;
  engine.subscribe = async (channel, ...rest) => {
    if (channel === 'bad') throw new EngineUnavailable('away');
    return subscribe.call(engine, channel, ...rest);
  };
  await assert.rejects(acquireAll(hubs, ['a', 'b', 'bad']), EngineUnavailable);
  assert.equal(subscriptions, 0);
});

it('of the idle ones so many are kept, those that were left last', async () => {
  for (let i = 0; i < IDLE_MAX + 500; i++) hubs.release(await hubs.acquire(`room-${i}`));
  assert.equal(subscriptions, IDLE_MAX);
  const before = subscriptions;
  await hubs.acquire('room-500');
  assert.equal(subscriptions, before, 'the first that was kept');
  await hubs.acquire('room-499');
  assert.equal(subscriptions, before + 1, 'the last that was not');
});

it('names that are only looked at leave nothing, however many', async () => {
  for (let i = 0; i < 20_000; i++) hubs.release(await hubs.acquire(`room-${i}`), true);
  assert.equal(subscriptions, 0);
});

it('none is given out while the store is known to be away', async () => {
  const [hub] = await acquireAll(hubs, ['a']);
  hubs.storeIs(new Set([0]));
  assert.equal(hub!.isStoreAway, true);
  await assert.rejects(hubs.acquire('a'), EngineUnavailable);
  hubs.storeIs(new Set());
  assert.equal(await hubs.acquire('a'), hub);
});

it('over the budget of the rings idle ones are kept for nobody, whatever has spent it', async () => {
  hubs.release(await hubs.acquire('idle'));
  await hubs.acquire('read');
  passMs(1_000);
  assert.equal(subscriptions, 2);
  hubs.account(2 << 20);
  passMs(1_000);
  assert.equal(subscriptions, 1);
});
