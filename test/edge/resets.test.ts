/** HTTP/2 floods at both edges, small: what is taken back costs no server more than the rate that one address has. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { newChannel } from '../contract/protocol/kit.ts';
import { edges, startEdge } from '../support/edge.ts';
import { request } from '../support/http.ts';
import { startServer } from '../support/process.ts';
import { waitFor } from '../support/wait.ts';
import { Flood, type FloodOptions } from './abuse/floods.ts';
import { reachedOf } from './abuse/reached.ts';

const RESETS = 1_000;
const PER_S = 2_000;
const REQUESTS_PER_S = 50;
/**
 * The burst that nginx lets through, and a second of the rate. Of what gets through, a server counts a third: whole requests that
 * are taken back late.
 */
const REACHED_MAX = 2 * REQUESTS_PER_S;

describe('floods over HTTP/2', { concurrency: true }, () => {
  for (const edge of edges) {
    it(`at ${edge}: of ${RESETS} requests that are taken back few reach a server, and no change`, async (t) => {
      await using server = await startServer({ env: { DRAIN_MS: '0' } });
      await using proxy = await startEdge(edge, {
        buckets: [server],
        gateways: [server],
        requestsPerS: REQUESTS_PER_S,
      });
      const before = await reachedOf(server.url);
      const channel = newChannel();
      const common = { tlsUrl: proxy.tlsUrl, perS: PER_S, total: RESETS, channel };
      const whats: readonly FloodOptions['what'][] = ['resets', 'pings', 'settings', 'continuations'];
      // The other floods have addresses of their own, or the rate of one would hide them.
      const floods = whats.map((what, i) => new Flood({ ...common, what, sources: [`127.0.1.${i + 1}`] }));
      const resets = floods[0]!;
      try {
        await waitFor(() => resets.figures.sent === RESETS || resets.figures['hung up on'] > 0, {
          what: () => `the flood to be over: ${JSON.stringify(resets.figures)}`,
        });
        await waitFor(async () => (await reachedOf(server.url)).requests > before.requests, { what: 'one of them' });
        // From another address, behind whatever is still waiting.
        const answer = await request(proxy.plainUrl, `/c/${channel}`, { method: 'POST', body: 'end' });
        assert.equal(answer.status, 204);
        const { requests, accepted } = await reachedOf(server.url);
        t.diagnostic(`${requests - before.requests} of ${JSON.stringify(resets.figures)} reached the server`);
        assert.ok(requests - before.requests <= REACHED_MAX, `${requests - before.requests} reached the server`);
        assert.equal(accepted - before.accepted, 1, 'only the honest one');
      } finally {
        for (const flood of floods) flood.stop();
      }
    });
  }
});
