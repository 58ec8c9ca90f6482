/** The hubs of a gateway over a store that only counts: what is kept, and for how long. */
import assert from 'node:assert/strict';
import { it, mock } from 'node:test';
import type { Engine } from '../../src/engine/engine.ts';
import { createMemoryEngine } from '../../src/engine/memory.ts';
import { createHubs } from '../../src/gateway/hub/hubs.ts';
import { createLogger } from '../../src/log.ts';
import { generousOptions } from '../contract/engine/kit.ts';

const IDLE_MS = 30_000;
/** In which every hub has its turn, though fewer have it at once the fewer are left. */
const ROUNDS_MS = 15_000;

it('hubs without readers go after half a minute, however few reads comparing may take', async () => {
  mock.timers.enable({ apis: ['setInterval'] });
  let nowMs = 0;
  const passMs = (ms: number) => {
    for (const untilMs = nowMs + ms; nowMs < untilMs; mock.timers.tick(100)) nowMs += 100;
  };
  const clock = { wallMs: () => nowMs, elapsedMs: () => nowMs };
  const memory = createMemoryEngine({ ...generousOptions, shards: 1 }, clock);
  let subscriptions = 0;
  const engine: Engine = {
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
  const hubs = createHubs({ engine, clock, log, ringMaxBytes: 1 << 20, comparesPerS: 1 });
  try {
    const held = await Promise.all(Array.from({ length: 300 }, (_, i) => hubs.acquire(`room-${i}`)));
    for (const hub of held.slice(1)) hubs.release(hub);
    assert.equal(subscriptions, 300);
    passMs(IDLE_MS - 1_000);
    assert.equal(subscriptions, 300);
    passMs(ROUNDS_MS);
    assert.equal(subscriptions, 1);
  } finally {
    hubs.close();
    mock.timers.reset();
  }
});
