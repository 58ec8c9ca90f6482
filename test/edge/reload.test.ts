/**
 * Reloads under load: new generations of an edge while changes are sent and streams are open, and the old ones end their streams
 * soon. Nothing that was answered 204 is lost, nothing is repeated, and no stream misses anything (P5–P8, P14, P15).
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Fleet, startFleet } from '../e2e/fleet.ts';
import { follow } from '../e2e/follower.ts';
import { bodyOf, Ledger } from '../e2e/ledger.ts';
import { createPublisher } from '../e2e/publisher.ts';
import { edges, startEdge } from '../support/edge.ts';
import { waitFor } from '../support/wait.ts';

const PUBLISHERS = 4;
const FOLLOWERS = 6;
const RELOADS = 3;
/** The old generation keeps its streams for one second, so each reload cuts all of them. */
const BETWEEN_MS = 1_500;
/** So that each has some hundred changes to send, not some thousand. */
const PAUSE_MS = 10;

let fleet: Fleet;
before(async () => {
  fleet = await startFleet({
    roles: ['bucket', 'bucket', 'merger', 'gateway', 'gateway'],
    env: { DRAIN_MS: '0' },
  });
});
after(() => fleet?.[Symbol.asyncDispose]());

for (const edge of edges) {
  describe(`a reload of ${edge}`, () => {
    it('loses nothing and repeats nothing', async () => {
      const channels = [`${edge}-0`, `${edge}-1`];
      await using proxy = await startEdge(edge, {
        buckets: fleet.of('bucket'),
        gateways: fleet.of('gateway'),
        reloadS: 1,
      });
      await using publisher = createPublisher(proxy.plainUrl, 8);
      const ledgers = Array.from({ length: FOLLOWERS }, (_, i) => new Ledger(`reader ${i}`));
      const followers = ledgers.map((ledger) => follow({ url: () => proxy.plainUrl, channels, ledger }));
      try {
        await Promise.all(followers.map(({ synced }) => synced));
        let isOver = false;
        let accepted = 0;
        const lanes = Array.from({ length: PUBLISHERS }, async (_, i) => {
          for (let seq = 1; !isOver; seq++) {
            const channel = channels[i % channels.length]!;
            await publisher.deliver({ channel, from: `p${i}.1`, seq, body: bodyOf(seq) });
            accepted++;
            await sleep(PAUSE_MS);
          }
        });
        for (let i = 0; i < RELOADS; i++) {
          const before = accepted;
          proxy.reload();
          await sleep(BETWEEN_MS);
          assert.ok(accepted > before, 'changes are accepted meanwhile');
        }
        isOver = true;
        await Promise.all(lanes);
        await waitFor(
          () => {
            for (const follower of followers) follower.check();
            return ledgers.every(({ count }) => count === accepted);
          },
          { timeoutMs: 15_000, what: () => `${accepted} events; seen: ${ledgers.map(({ count }) => count)}` },
        );
        for (const { order } of ledgers) assert.deepEqual(order, ledgers[0]!.order);
        assert.ok(
          followers.every(({ connects }) => connects > 1),
          'all of them were cut',
        );
      } finally {
        await Promise.all(followers.map((follower) => follower[Symbol.asyncDispose]()));
      }
    });
  });
}
