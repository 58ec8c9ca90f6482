/** Bad questions: parameters, formats, paths and methods that there are not, and what is no HTTP at all (P1, P9). */
import assert from 'node:assert/strict';
import { request, requestRaw } from '../../support/http.ts';
import { assertProblem, type Kit, newChannel } from './kit.ts';

export function badQuestionsTests(kit: Kit): void {
  const { it } = kit;

  it('P16: a with= that lists anything else is 400', async () => {
    for (const list of ['', 'x', 'from,', ',from', 'from,x', 'FROM', 'from seq', 'data', 'id', '__proto__']) {
      for (const format of ['sse', 'ndjson', 'json']) {
        const path = `/c/${newChannel()}/events?format=${format}&with=${encodeURIComponent(list)}`;
        assertProblem(await kit.get(path), 400, 'bad_parameter');
      }
    }
  });

  it('P18: a wait, P20: a strict, P23: a snapshot, P25: a limit that is none is 400', async () => {
    for (const [path, values] of [
      ['events?format=json&wait', ['', '0', '26', '-1', '1.5', '1e1', 'x', ' 1', '1s']],
      ['events?strict', ['', '2', 'true', 'yes', '01']],
      ['events?snapshot', ['', '2', 'true', 'yes', '01']],
      ['history?limit', ['', '0', '501', '-1', '1.5', '1e1', 'x', '99999999999']],
    ] as const) {
      for (const value of values) {
        assertProblem(await kit.get(`/c/room/${path}=${encodeURIComponent(value)}`), 400, 'bad_parameter');
      }
    }
  });

  it('P1: a parameter that the path knows, given twice, is 400; one it does not know is ignored', async () => {
    for (const [path, names] of [
      ['events', ['format', 'since', 'with', 'snapshot', 'wait', 'strict', 'heartbeat', 'probe']],
      ['history', ['since', 'limit']],
      ['state', ['since']],
    ] as const) {
      for (const name of names) {
        const value = { format: 'json', with: 'from', heartbeat: 'event' }[name as string] ?? '1';
        const twice = `${name}=${value}&${name}=${value}`;
        assertProblem(await kit.get(`/c/room/${path}?${twice}`), 400, 'repeated_parameter');
      }
      const unknown = await kit.get(`/c/room/${path}?${path === 'events' ? 'format=json&' : ''}x=1&x=2&from=&seq=a`);
      assert.equal(unknown.status, 200);
    }
  });

  it('P1: a path that does not exist is 404', async () => {
    for (const path of [
      '/c',
      '/C/room/events',
      '/c/room/events/',
      '/c/room/event',
      '/c/room/x',
      '/x',
      '/events',
      '//',
    ]) {
      assertProblem(await kit.get(path), 404, 'not_found');
    }
    for (const path of ['/', '/c', '/c/room/', '/c/room/x', '/x']) {
      const answer = await request(kit.postUrl(), path, { method: 'POST', body: 'x' });
      if (path !== '/') assertProblem(answer, 404, 'not_found');
      else assertProblem(answer, 405, 'method_not_allowed');
    }
  });

  it('P1: another method is 405 with Allow', async () => {
    for (const method of ['GET', 'DELETE', 'PATCH', 'QUERY']) {
      const answer = await request(kit.postUrl(), '/c/room', { method });
      assertProblem(answer, 405, 'method_not_allowed');
      assert.deepEqual(answer.headers.allow!.split(', ').sort(), ['POST', 'PUT']);
      assert.match(answer.json<{ detail: string }>().detail, /To listen, GET \/c\/\{channel\}\/events\.$/);
    }
    for (const path of ['/c/room/events', '/c/room/state', '/c/room/history', '/healthz', '/readyz', '/openapi.json']) {
      for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'QUERY']) {
        const answer = await request(kit.streamUrl(), path, { method, body: method === 'DELETE' ? '' : 'x' });
        assertProblem(answer, 405, 'method_not_allowed');
        assert.match(answer.headers.allow!, /\bGET\b/);
      }
    }
  });

  it('P1: OPTIONS that is no preflight tells the methods', async () => {
    const answer = await request(kit.postUrl(), '/c/room', { method: 'OPTIONS' });
    assert.equal(answer.status, 204);
    assert.deepEqual(answer.headers.allow!.split(', ').sort(), ['POST', 'PUT']);
    assertProblem(await request(kit.streamUrl(), '/x', { method: 'OPTIONS' }), 404);
  });

  it('P1: what is no HTTP is 400, a header above 16 KiB 431, and the connection ends', async () => {
    for (const text of ['hello\r\n\r\n', 'GET / HTTP/9.9\r\n\r\n', '\x16\x03\x01\x02\x00\x01\x00']) {
      const answer = await requestRaw(kit.streamUrl(), text);
      assert.match(answer, /^HTTP\/1\.1 400 [\s\S]*content-type: application\/problem\+json/i, JSON.stringify(text));
    }
    const large = `GET /c/room/events HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: ${'x'.repeat(17_000)}\r\n\r\n`;
    assert.match(await requestRaw(kit.streamUrl(), large), /^HTTP\/1\.1 431 [\s\S]*application\/problem\+json/);
    // Cookies of another app on the same host, in fields as large as browsers make them.
    const cookies = `Cookie: ${'x'.repeat(3_500)}\r\n`.repeat(4);
    const laden = `GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${cookies}\r\n`;
    assert.match(await requestRaw(kit.streamUrl(), laden), /^HTTP\/1\.1 200 /);
    const hostless = 'GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n';
    assert.match(await requestRaw(kit.streamUrl(), hostless), /^HTTP\/1\.1 400 [\s\S]*application\/problem\+json/);
    assert.equal((await kit.get('/healthz')).status, 200, 'and the server is still there');
  });

  it('P1: one request smuggled into another is not served', async () => {
    const channel = newChannel();
    const smuggled = `POST /c/${channel} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx`;
    const both = `POST /c/${channel} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`;
    assert.match(await requestRaw(kit.postUrl(), both + smuggled), /^HTTP\/1\.1 400 /);
    await kit.send(channel, 'end');
    const events = await kit.settled(channel, 1);
    assert.deepEqual(
      events.map(({ data }) => data),
      ['end'],
    );
  });
}
