/** What all conflating audiences hold back shares the budget of the rings; with half of it spent, it is told at once (P28). */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { systemClock } from '../../src/clock.ts';
import { type Audiences, createAudiences } from '../../src/gateway/audience/audiences.ts';
import type { Hubs } from '../../src/gateway/hub/hubs.ts';
import { createTurns } from '../../src/gateway/turns.ts';
import { Log, noRest } from '../support/gateway-parts.ts';

const RING_MAX_BYTES = 200_000;

/** Audiences of one channel whose times to flush do not come. */
async function start(log: Log): Promise<{ audiences: Audiences; held: { bytes: number } }> {
  await log.hub.opened;
  const held = { bytes: 0 };
  const hubs = {
    acquire: async () => log.hub,
    release: () => undefined,
    account: (bytes: number) => {
      held.bytes += bytes;
    },
  } as unknown as Hubs;
  const audiences = createAudiences(hubs, {
    clock: systemClock,
    turns: createTurns(systemClock, noRest),
    complain: (error) => assert.fail(String(error)),
    ringMaxBytes: RING_MAX_BYTES,
    onDelivered: () => undefined,
  });
  return { audiences, held };
}

it('is flushed before its time where all of them together hold back too much, and counted with the rings', async () => {
  const log = new Log('room', 1_024);
  const { audiences, held } = await start(log);
  const wish = {
    channels: ['room'],
    format: 'ndjson',
    fields: new Set<never>(),
    heartbeat: 'comment',
    cursors: 'short',
  } as const;
  // Another time is another audience: what one holds back, the others do too.
  const all = await Promise.all(
    [60_000, 59_000, 58_000].map((conflateMs) => audiences.acquire({ ...wish, conflateMs })),
  );
  try {
    let most = 0;
    for (let i = 0; i < 100; i++) {
      log.commit(
        Array.from({ length: 5 }, (_, n) => `n${5 * i + n}.1`),
        'x'.repeat(1_000),
      );
      most = Math.max(most, held.bytes);
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    assert.ok(most > RING_MAX_BYTES / 4, `${most} bytes were held back: nothing is counted`);
    assert.ok(most < RING_MAX_BYTES, `${most} bytes were held back`);
  } finally {
    // Their timers would keep the process.
    for (const audience of all) audiences.release(audience);
  }
  assert.equal(held.bytes, 0, 'who has gone holds nothing back');
});
