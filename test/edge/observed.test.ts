/** What an edge tells who watches it: how full it is, who was refused, which servers there are; and that no client can ask for it. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { newChannel } from '../contract/protocol/kit.ts';
import { edges, startEdge } from '../support/edge.ts';
import { request } from '../support/http.ts';
import { type ServerProcess, startServer } from '../support/process.ts';
import { openSse } from '../support/sse.ts';
import { waitFor } from '../support/wait.ts';
import { figuresOf } from './figures.ts';
import { ask } from './told.ts';

const CONNECTIONS = 40;
const CLIENTS = 100;
const WAIT_MS = 15_000;
const streamsOf = (of: string) => `smallchange_edge_streams{of="${of}"}`;
const refusedFor = (reason: string) => `smallchange_edge_refused_total{reason="${reason}"}`;
const serversOf = (role: string) => `smallchange_edge_servers{role="${role}"}`;

describe('who watches an edge', () => {
  let server: ServerProcess;
  before(async () => {
    server = await startServer({ env: { DRAIN_MS: '0' } });
  });
  after(() => server?.stop());

  for (const edge of edges) {
    it(`learns of ${edge} how many connections it has and may have, also when it is full`, async () => {
      await using proxy = await startEdge(edge, { buckets: [server], gateways: [server], connections: CONNECTIONS });
      const listen = `GET /c/${newChannel()}/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n`;
      const all = await Promise.all(Array.from({ length: CLIENTS }, () => ask(proxy.plainUrl, listen, WAIT_MS)));
      const figures = await figuresOf(proxy);
      assert.equal(figures.get('smallchange_edge_max_connections'), CONNECTIONS);
      assert.ok(figures.get('smallchange_edge_connections')! >= 0.8 * CONNECTIONS, JSON.stringify([...figures]));
      for (const { close } of all) close();
      await waitFor(async () => (await figuresOf(proxy)).get('smallchange_edge_connections')! < CLIENTS / 10, {
        what: 'all to have left',
      });
    });

    it(`is answered by ${edge} where no client can ask, and answers no client`, async () => {
      await using proxy = await startEdge(edge, { buckets: [server], gateways: [server] });
      for (const path of ['/metrics', '/metrics/edge', '/status']) {
        const answer = await request(proxy.plainUrl, path);
        assert.doesNotMatch(String(answer.body), /_edge_|haproxy_|Active connections/, path);
      }
      for (const path of ['/c/a/state', '/healthz', '/']) {
        assert.equal((await request(proxy.metricsUrl, path)).status, 404, path);
      }
      assert.match(String((await request(proxy.metricsUrl, edge === 'nginx' ? '/status' : '/metrics')).body), /[0-9]/);
    });
  }

  it('learns of HAProxy who listens, who was refused and why, and which servers there are', async () => {
    await using proxy = await startEdge('haproxy', {
      ...{ buckets: [server], gateways: [server], connections: CONNECTIONS, connectionsPerIp: 6 },
    });
    await using _browser = await openSse(`${proxy.plainUrl}/c/a/events`, { headers: { Accept: 'text/event-stream' } });
    await using _program = await openSse(`${proxy.plainUrl}/c/a/events`, {});
    const before = await figuresOf(proxy);
    const seen = [streamsOf('browsers'), streamsOf('programs'), serversOf('bucket'), serversOf('gateway')];
    assert.deepEqual(
      seen.map((series) => before.get(series)),
      [1, 1, 1, 1],
    );
    assert.deepEqual([before.get(refusedFor('address')), before.get(refusedFor('full'))], [0, 0]);
    const listen = 'GET /c/a/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n';
    const above = await Promise.all(Array.from({ length: 10 }, () => ask(proxy.plainUrl, listen, WAIT_MS)));
    const polite = above.filter(({ kind }) => kind === 'polite').length;
    assert.ok(polite > 0);
    assert.equal((await figuresOf(proxy)).get(refusedFor('address')), polite);
    const own = await figuresOf(proxy, '/metrics');
    assert.equal(own.get('haproxy_frontend_status{proxy="edge",state="UP"}'), 1);
    for (const { close } of above) close();
    await server.stop();
    await waitFor(async () => (await figuresOf(proxy)).get(serversOf('gateway')) === 0, {
      what: 'it to notice that there is no gateway',
      everyMs: 50,
    });
  });
});
