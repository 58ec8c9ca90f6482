/** `/client.js` and the app through both edges: as the server gives them, to whoever asks, also where everything else needs a token. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { APP_PATHS } from '../../src/web/app/paths.ts';
import { edges, startEdge } from '../support/edge.ts';
import { request } from '../support/http.ts';
import { type ServerProcess, startServer } from '../support/process.ts';
import { SECRET } from '../support/tokens.ts';

const APP = 'https://app.example';

describe('/client.js', () => {
  let server: ServerProcess;
  before(async () => {
    server = await startServer({ env: { AUTH: 'jwt', JWT_SECRET: SECRET, CORS_ORIGINS: APP } });
  });
  after(() => server?.stop());

  for (const edge of edges) {
    it(`goes through ${edge} as it is`, async () => {
      const servers = { buckets: [server], gateways: [server], corsOrigins: APP };
      await using proxy = await startEdge(edge, servers);
      for (const coding of ['gzip', 'identity']) {
        const ask = (url: string, headers = {}) =>
          request(url, '/client.js', { headers: { origin: APP, 'accept-encoding': coding, ...headers } });
        const [through, direct] = [await ask(proxy.plainUrl), await ask(server.url)];
        assert.equal(through.status, 200);
        assert.deepEqual(through.body, direct.body);
        for (const name of [
          ...['content-type', 'content-encoding', 'content-length', 'cache-control', 'etag', 'vary'],
          ...['x-content-type-options', 'access-control-allow-origin'],
        ]) {
          assert.equal(through.headers[name], direct.headers[name], name);
        }
        assert.equal(through.headers['access-control-allow-origin'], APP);
        assert.equal(through.headers['content-encoding'], coding === 'gzip' ? 'gzip' : undefined);
        const again = await ask(proxy.plainUrl, { 'if-none-match': through.headers.etag! });
        assert.equal(again.status, 304);
      }
    });

    it(`and so do the page at / and what it loads, through ${edge}`, async () => {
      await using proxy = await startEdge(edge, { buckets: [server], gateways: [server] });
      for (const path of [...APP_PATHS, '/app-worker.js', '/icon-512.png', '/icon-maskable-512.png']) {
        const ask = (url: string) => request(url, path, { headers: { 'accept-encoding': 'gzip' } });
        const [through, direct] = [await ask(proxy.plainUrl), await ask(server.url)];
        assert.equal(through.status, 200, path);
        assert.deepEqual(through.body, direct.body, path);
        for (const name of ['content-type', 'content-encoding', 'cache-control', 'etag', 'content-security-policy']) {
          assert.equal(through.headers[name], direct.headers[name], `${path} ${name}`);
        }
      }
    });
  }
});
