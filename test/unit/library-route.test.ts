/** `/client.js`: what a page may load, keep and ask again, whoever it is. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { libraryRoutes } from '../../src/http/library.ts';
import { request } from '../support/http.ts';
import { type HttpApp, startHttpApp } from '../support/http-app.ts';

const SOURCE = `export const text = '${'x'.repeat(2_000)}';\n`;

describe('/client.js', () => {
  const folder = mkdtempSync(join(tmpdir(), 'smallchange-library-'));
  const file = join(folder, 'client.js');
  let http: HttpApp;
  before(async () => {
    writeFileSync(file, SOURCE);
    http = await startHttpApp((app) => libraryRoutes(app, pathToFileURL(file)), {
      CORS_ORIGINS: 'https://app.example',
    });
  });
  after(async () => {
    await http?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });
  const ask = (headers: Record<string, string> = {}, method = 'GET') =>
    request(http.url, '/client.js', { method, headers });

  it('is the library, as what a browser runs and nothing else', async () => {
    const { status, headers, body } = await ask();
    assert.equal(status, 200);
    assert.equal(body.toString(), SOURCE);
    assert.equal(headers['content-type'], 'text/javascript; charset=utf-8');
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['cache-control'], 'public, max-age=300');
    assert.equal(headers['content-encoding'], undefined);
    const head = await ask({}, 'HEAD');
    assert.equal(head.body.length, 0);
    assert.equal(head.headers.etag, headers.etag);
    assert.equal(head.headers['content-length'], String(SOURCE.length));
  });

  it('is gzipped for whoever takes that', async () => {
    const plain = await ask();
    for (const coding of ['gzip', 'br, gzip', 'gzip, deflate, br', 'deflate,gzip;q=0.5', 'GZIP', 'gzip ; q=1.0']) {
      const { headers, body } = await ask({ 'accept-encoding': coding });
      assert.equal(headers['content-encoding'], 'gzip', coding);
      assert.equal(gunzipSync(body).toString(), SOURCE);
      assert.ok(body.length < SOURCE.length / 2);
      assert.notEqual(headers.etag, plain.headers.etag, 'another coding is another representation');
    }
    for (const coding of ['', 'br', 'identity', 'gzip;q=0', 'gzip;q=0.000', 'xgzip', 'gzip-x', 'gzip;q=0, br']) {
      assert.equal((await ask({ 'accept-encoding': coding })).headers['content-encoding'], undefined, coding);
    }
  });

  it('is 304 for who has it, in the coding that is asked for', async () => {
    for (const coding of ['identity', 'gzip']) {
      const first = await ask({ 'accept-encoding': coding });
      const etag = first.headers.etag!;
      for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
        const again = await ask({ 'accept-encoding': coding, 'if-none-match': known });
        assert.equal(again.status, 304, known);
        assert.equal(again.body.length, 0);
        for (const name of ['etag', 'cache-control', 'vary'] as const) {
          assert.equal(again.headers[name], first.headers[name], name);
        }
      }
      const other = coding === 'gzip' ? 'identity' : 'gzip';
      assert.equal((await ask({ 'accept-encoding': other, 'if-none-match': etag })).status, 200);
    }
  });

  it('may be read by the pages that may read all the rest, and no cache confuses them', async () => {
    for (const [origin, allowed] of [
      ['https://app.example', 'https://app.example'],
      ['https://other.example', undefined],
    ] as const) {
      const { status, headers } = await ask({ origin });
      assert.equal(status, 200);
      assert.equal(headers['access-control-allow-origin'], allowed);
      assert.equal(headers.vary, 'Origin, Accept-Encoding');
    }
    assert.equal((await ask()).headers.vary, 'Origin, Accept-Encoding');
  });

  it('is not there, with a sentence, where nothing was built', async () => {
    await using bare = await startHttpApp((app) => libraryRoutes(app, pathToFileURL(join(folder, 'missing.js'))));
    const { status, body } = await request(bare.url, '/client.js');
    assert.equal(status, 404);
    assert.match(body.toString(), /npm run build/);
  });
});
