/** With `EDGE_HTTPS_ONLY` nothing is served in clear: there is the way to TLS, and TLS says that it is to be come back to. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Edge, type EdgeProcess, edges, startEdge } from '../support/edge.ts';
import { request, requestRaw } from '../support/http.ts';
import { type Trust, trust } from '../support/trust.ts';
import { startWitness, type Witness } from './witness.ts';

/** RFC 6797: a year. */
const HSTS = 'max-age=31536000';

function clearTests(edge: Edge): void {
  let witness: Witness;
  let proxy: EdgeProcess;
  let trusting: Trust;
  before(async () => {
    witness = await startWitness();
    proxy = await startEdge(edge, { buckets: [witness], gateways: [witness], httpsOnly: 'on' });
    trusting = trust(proxy.certificate);
  });
  after(async () => {
    await trusting?.[Symbol.asyncDispose]();
    await proxy?.stop();
    witness?.stop();
  });

  it('every request is sent to TLS as it is, and none reaches a server', async () => {
    const before = witness.seen.length;
    for (const [method, target] of [
      ['GET', '/c/room/events?since=1h'],
      ['POST', '/c/room?from=a.b&seq=1'],
      ['GET', '/'],
    ] as const) {
      const answer = await request(proxy.plainUrl, target, { method, headers: { Host: 'rooms.example:8080' } });
      // 308: 301 and 302 would make a GET of a change.
      assert.equal(answer.status, 308, target);
      assert.equal(answer.headers.location, `https://rooms.example${target}`);
      assert.equal(
        answer.headers['strict-transport-security'],
        undefined,
        'in clear it must not be said (RFC 6797, 7.2)',
      );
    }
    assert.equal(witness.seen.length, before);
  });

  it('who names no host is told nothing but that', async () => {
    assert.match(await requestRaw(proxy.plainUrl, 'GET / HTTP/1.0\r\n\r\n'), /^HTTP\/1\.[01] (400|308) /);
    assert.equal(witness.seen.length, 0);
  });

  it('the page of another origin may read where it is sent, and its preflight is answered', async () => {
    const headers = { Origin: 'http://localhost:3000' };
    const sent = await request(proxy.plainUrl, '/c/room', { method: 'POST', headers, body: 'x' });
    assert.deepEqual([sent.status, sent.headers['access-control-allow-origin']], [308, headers.Origin]);
    const asking = { ...headers, 'Access-Control-Request-Method': 'PUT' };
    assert.equal((await request(proxy.plainUrl, '/c/room', { method: 'OPTIONS', headers: asking })).status, 204);
  });

  it('TLS serves, and says that it is to be come back to, whoever answers', async () => {
    const served = await request(proxy.tlsUrl, '/c/room', { method: 'POST', body: 'x' });
    assert.deepEqual([served.status, served.headers['strict-transport-security']], [204, HSTS]);
    const refused = await request(proxy.tlsUrl, '/metrics');
    assert.deepEqual([refused.status, refused.headers['strict-transport-security']], [404, HSTS]);
  });

  it('without the setting both serve, and nothing is said of it', async () => {
    await using plain = await startEdge(edge, { buckets: [witness], gateways: [witness] });
    const served = await request(plain.plainUrl, '/c/room', { method: 'POST', body: 'x' });
    assert.deepEqual([served.status, served.headers['strict-transport-security']], [204, undefined]);
  });
}

for (const edge of edges) describe(`in clear at ${edge}`, () => clearTests(edge));
