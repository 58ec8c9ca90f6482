/** Around the protocol: CORS, health, the document, connections that are used again (P1, P26, P27). */
import assert from 'node:assert/strict';
import { type Answer, request } from '../../support/http.ts';
import { openSse } from '../../support/sse.ts';
import { oneConnection } from '../../support/wire.ts';
import { assertProblem, type Kit, newChannel } from './kit.ts';

const ORIGINS = ['http://localhost:3000', 'http://127.0.0.1:8000', 'https://localhost', 'http://[::1]:5173'];
const STRANGERS = ['https://evil.example', 'http://localhost.evil.example', 'null', 'http://localhost:3000.evil'];

/** By this origin, and without credentials. */
function assertReadable({ status, headers }: Pick<Answer, 'status' | 'headers'>, origin: string): void {
  assert.equal(headers['access-control-allow-origin'], origin, String(status));
  assert.match(headers.vary!, /\bOrigin\b/i, 'or a cache gives one origin the answer of another');
  assert.equal(headers['access-control-allow-credentials'], undefined);
}

export function healthTests(kit: Kit): void {
  const { it } = kit;

  it('P26: allowed origins may read every answer, errors and streams too', async () => {
    for (const origin of ORIGINS) {
      const headers = { origin };
      const answers = [
        await request(kit.postUrl(), `/c/${newChannel()}`, { method: 'POST', headers, body: 'x' }),
        await request(kit.postUrl(), '/c/-bad', { method: 'POST', headers, body: 'x' }),
        await request(kit.postUrl(), '/c/room', { method: 'POST', headers, body: 'x'.repeat(5_000) }),
        await request(kit.postUrl(), '/c/room', { method: 'DELETE', headers }),
        await kit.get('/nowhere', headers),
        await kit.get('/c/room/events?format=xml', headers),
        await kit.get('/c/room/events?format=json', headers),
        await kit.get('/c/room/state', headers),
        await kit.get('/c/room/history', headers),
      ];
      assert.deepEqual(
        answers.map(({ status }) => status),
        [204, 400, 413, 405, 404, 406, 200, 200, 200],
      );
      const reader = await openSse(`${kit.streamUrl()}/c/room/events`, { headers });
      reader.close();
      for (const answer of [...answers, reader]) assertReadable(answer, origin);
    }
  });

  it('P26: also what is said of a path that nobody can decode', async () => {
    for (const origin of ORIGINS) {
      const answer = await request(kit.postUrl(), '/c/%zz', { method: 'POST', headers: { origin }, body: 'x' });
      assert.equal(answer.status, 400);
      assertReadable(answer, origin);
    }
  });

  it('P26: other origins may not', async () => {
    for (const origin of STRANGERS) {
      const answer = await kit.get('/c/room/state', { origin });
      assert.equal(answer.status, 200);
      assert.equal(answer.headers['access-control-allow-origin'], undefined, origin);
      const preflight = await request(kit.postUrl(), '/c/room', {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': 'PUT' },
      });
      assert.equal(preflight.headers['access-control-allow-origin'], undefined, origin);
      assert.equal(preflight.headers['access-control-allow-methods'], undefined, origin);
    }
  });

  it('P26: a preflight is 204, good for a day, and allows what the protocol needs', async () => {
    for (const [base, path] of [
      [kit.postUrl(), '/c/room'],
      [kit.streamUrl(), '/c/room/events'],
      [kit.streamUrl(), '/c/room/state'],
    ] as const) {
      const answer = await request(base, path, {
        method: 'OPTIONS',
        headers: {
          origin: ORIGINS[0],
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'change-from,change-seq,last-event-id',
        },
      });
      assert.equal(answer.status, 204);
      assert.equal(answer.body.length, 0);
      assert.equal(answer.headers['access-control-allow-origin'], ORIGINS[0]);
      assert.equal(answer.headers['access-control-max-age'], '86400');
      const methods = answer.headers['access-control-allow-methods']!.split(/, */);
      for (const method of ['GET', 'POST', 'PUT']) assert.ok(methods.includes(method), method);
      const allowed = answer.headers['access-control-allow-headers']!.toLowerCase().split(/, */);
      for (const name of ['last-event-id', 'change-from', 'change-seq']) assert.ok(allowed.includes(name), name);
    }
  });

  it('P27: /healthz and /readyz are 200, also for HEAD', async () => {
    for (const base of [kit.streamUrl(), kit.postUrl(), kit.otherStreamUrl()]) {
      for (const path of ['/healthz', '/readyz']) {
        assert.equal((await request(base, path)).status, 200);
        const head = await request(base, path, { method: 'HEAD' });
        assert.deepEqual([head.status, head.body.length], [200, 0]);
      }
    }
  });

  it('P27: /openapi.json describes every path', async () => {
    type Document = { openapi: string; paths: Record<string, Record<string, unknown>> };
    for (const base of [kit.postUrl(), kit.streamUrl()]) {
      const { openapi, paths } = (await request(base, '/openapi.json')).json<Document>();
      assert.match(openapi, /^3\.1\./);
      assert.ok(paths['/c/{channel}']?.post && paths['/c/{channel}'].put);
      for (const path of [
        '/c/{channels}/events',
        '/c/{channel}/state',
        '/c/{channel}/history',
        '/healthz',
        '/readyz',
      ]) {
        assert.ok(paths[path]?.get, path);
      }
    }
  });

  it('P27: /metrics is for direct callers from the same machine only', async () => {
    const answer = await kit.get('/metrics');
    assert.equal(answer.status, 200);
    assert.match(answer.body.toString(), /^smallchange_streams \d+$/m);
    const strangers: Record<string, string>[] = [
      { 'x-forwarded-for': '1.2.3.4' },
      { forwarded: 'for=1.2.3.4' },
      { 'x-real-ip': '1.2.3.4' },
      { via: '1.1 proxy' },
    ];
    for (const headers of strangers) assertProblem(await kit.get('/metrics', headers), 404);
    assertProblem(await kit.get('/metrics', { host: 'example.org' }), 403, 'forged_request');
  });

  it('P1: HEAD is answered like another method where there is only a stream', async () => {
    const answer = await request(kit.streamUrl(), '/c/room/events', { method: 'HEAD' });
    assert.deepEqual([answer.status, answer.body.length], [405, 0]);
    assert.match(answer.headers.allow!, /GET/);
  });

  it('P5: one connection serves any number of changes, refused ones among them', async () => {
    const agent = oneConnection(kit.postUrl());
    const channel = newChannel();
    const ports = new Set<number>();
    const statuses: number[] = [];
    for (let i = 0; i < 10; i++) {
      for (const [path, body] of [
        [`/c/${channel}`, 'x'],
        ['/c/-bad', 'x'],
        [`/c/${channel}?seq=1`, 'x'],
        [`/c/${channel}`, 'x'.repeat(2_000)],
        ['/nowhere', 'x'],
      ] as const) {
        const answer = await request(kit.postUrl(), path, { method: 'POST', body, agent });
        assert.ok(answer.localPort, 'or nothing is known about connections');
        ports.add(answer.localPort);
        statuses.push(answer.status);
      }
    }
    agent.destroy();
    assert.deepEqual(statuses, Array(10).fill([204, 400, 400, 413, 404]).flat());
    assert.equal(ports.size, 1, 'an error does not cost the connection');
  });

  it('P5: pipelined changes are answered and merged in order', async () => {
    const channel = newChannel();
    const { requestRaw } = await import('../../support/http.ts');
    const post = (body: string, connection = 'keep-alive') =>
      `POST /c/${channel} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\nConnection: ${connection}\r\n\r\n${body}`;
    const text = await requestRaw(kit.postUrl(), post('a') + post('b') + post('') + post('c', 'close'));
    assert.deepEqual(
      [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status),
      ['204', '204', '400', '204'],
    );
    const events = await kit.settled(channel, 3);
    assert.deepEqual(events.map(({ data }) => data).sort(), ['a', 'b', 'c']);
  });
}
