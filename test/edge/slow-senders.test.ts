/** Slow senders at both edges: they are held for as long as was said and no longer, no server sees one, and others are served. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { newChannel } from '../contract/protocol/kit.ts';
import { edges, startEdge } from '../support/edge.ts';
import { request } from '../support/http.ts';
import { startServer } from '../support/process.ts';
import { openSse } from '../support/sse.ts';
import { waitFor } from '../support/wait.ts';
import { reachedOf } from './abuse/reached.ts';
import { SlowSenders } from './abuse/slow-senders.ts';

const COUNT = 100;
/** For a header or a body; HAProxy gives a handshake as long as a silent stream. */
const LIMITS = { slowS: 2, idleS: 3 };
/** For a machine that does other things. */
const LATE_MS = 2_000;

describe('slow senders', { concurrency: true }, () => {
  for (const edge of edges) {
    it(`at ${edge}: ${COUNT} are held, and all ended in time`, async (t) => {
      await using server = await startServer({ env: { DRAIN_MS: '0', HEARTBEAT_MS: '1000' } });
      await using proxy = await startEdge(edge, { buckets: [server], gateways: [server], ...LIMITS });
      const before = await reachedOf(server.url);
      const { plainUrl, tlsUrl } = proxy;
      const sources = ['127.0.1.1', '127.0.1.2'];
      const slow = new SlowSenders({ plainUrl, tlsUrl, count: COUNT, openPerS: 500, sources, channel: 'slow' });
      try {
        await waitFor(() => slow.figures.peak === COUNT, {
          what: () => `all to be held: ${JSON.stringify(slow.figures)}`,
        });
        const channel = newChannel();
        await using reader = await openSse(`${plainUrl}/c/${channel}/events`);
        await reader.next();
        assert.equal((await request(plainUrl, `/c/${channel}`, { method: 'POST', body: 'x' })).status, 204);
        assert.equal((await reader.next()).data, 'x');
        // nginx looks only at the time between two bytes of a body.
        if (edge === 'nginx') slow.rest();
        await waitFor(() => slow.figures.held === 0, {
          timeoutMs: LIMITS.idleS * 1000 + LATE_MS,
          what: () => `all to be ended: ${JSON.stringify(slow.figures)}`,
        });
        for (const way of ['header', 'body', 'silence'] as const) {
          assert.ok(slow.figures[`${way}, ms`] < LIMITS.slowS * 1000 + LATE_MS, JSON.stringify(slow.figures));
        }
        assert.deepEqual(await slow.faults(), []);
        // The stream and the change of above.
        const { requests, accepted } = await reachedOf(server.url);
        assert.deepEqual([requests - before.requests, accepted - before.accepted], [1, 1]);
        t.diagnostic(JSON.stringify(slow.figures));
      } finally {
        slow.stop();
      }
    });
  }
});
