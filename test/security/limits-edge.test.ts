/**
 * Limits of a server through both edges: counted by who the edge says it is, and told in the server's own words, to an EventSource so that it
 * comes back. What an edge refuses itself says something else.
 */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { EventSource } from 'undici';
import { type Edge, type EdgeProcess, edges, startEdge } from '../support/edge.ts';
import { assertTooMany } from '../support/limits.ts';
import { type ServerProcess, startServer } from '../support/process.ts';
import { openSse } from '../support/sse.ts';
import { bearer, hs256, SECRET, token } from '../support/tokens.ts';
import { DEADLINE_MS, waitFor } from '../support/wait.ts';

const APP = 'https://app.example';
const PER_SUB = 2;
const PER_ADDRESS = 3;
const PER_MIN = 5;
/** Longer than the `retry:` of who was refused, and what the refusal itself takes. */
const BACK_MS = DEADLINE_MS + 20_000;
const granted = { publish: ['*'], subscribe: ['*'] };
const anonymous = { publish: ['public.*'], subscribe: ['public.*'], names: ['bob'] };

/** What a client writes into the field itself, another each time. */
let claimed = 0;

const of = (sub: string) => `Authorization: ${bearer(granted, { sub })}\r\n`;
const bad = () => `Authorization: Bearer ${token({ sub: 'eve' }, hs256('x'.repeat(32)))}\r\n`;
const EVENT_SOURCE = 'Accept: text/event-stream\r\n';

function tests(edge: Edge): void {
  let server: ServerProcess;
  let proxy: EdgeProcess;
  before(async () => {
    server = await startServer({
      env: {
        ...{ AUTH: 'jwt', JWT_SECRET: SECRET, AUTH_ANONYMOUS: JSON.stringify(anonymous) },
        ...{ TRUST_PROXY: '127.0.0.1', CORS_ORIGINS: APP },
        ...{ MAX_STREAMS_PER_SUB: String(PER_SUB), MAX_STREAMS_PER_ADDRESS: String(PER_ADDRESS) },
        ...{ MAX_POSTS_PER_S_PER_SUB: '1', MAX_POSTS_PER_S_PER_ADDRESS: '2' },
        ...{ MAX_FAILED_CREDENTIALS_PER_MIN: String(PER_MIN), MAX_NEW_CHANNELS_PER_H: '3' },
      },
    });
    proxy = await startEdge(edge, { buckets: [server], gateways: [server], trustedProxies: '127.0.0.1' });
  });
  after(async () => {
    await proxy?.stop();
    await server?.stop();
  });

  /** All that is answered until the end, to whom a balancer in front of the edge says comes from there. */
  function ask(address: string, head: string, fields = '', body = '', url = proxy.plainUrl): Promise<string> {
    const { port } = new URL(url);
    const length = body === '' ? '' : `Content-Length: ${body.length}\r\n`;
    return new Promise((resolve, reject) => {
      const socket = connect(Number(port), '127.0.0.1');
      let text = '';
      socket.on('data', (chunk: Buffer) => {
        text += chunk;
        // A stream that is let in does not end.
        if (text.includes('$sync')) socket.destroy();
      });
      socket.setTimeout(DEADLINE_MS, () => socket.destroy(new Error(`no end of ${head}: ${text}`)));
      socket.once('error', reject).once('close', () => resolve(text));
      const forwarded = `X-Forwarded-For: 6.6.6.${++claimed % 250}, ${address}\r\n`;
      socket.write(
        `${head} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${forwarded}${fields}${length}\r\n${body}`,
      );
    });
  }
  const post = (address: string, path: string, fields = '', more = '') =>
    ask(address, `POST ${path}`, fields + more, 'x');

  /** Asks until it is refused for having asked too much. */
  const until429 = (asked: () => Promise<string>) =>
    waitFor(
      async () => {
        const answer = await asked();
        return /^HTTP\/1\.1 429 /.test(answer) ? answer : '';
      },
      { what: 'a 429' },
    );

  function assertTold(answer: string, reason: string): void {
    assert.match(answer, /^HTTP\/1\.1 200 /);
    assert.match(answer, /^content-type: text\/event-stream\r$/im);
    assert.match(answer, new RegExp(`retry: \\d{4,5}\\nevent: \\$overloaded\\ndata: \\{"reason":"${reason}"\\}\\n\\n`));
  }

  it('streams of a sub: our 429 and our reason; one ends, and an EventSource comes back by itself', async () => {
    const authorization = bearer(granted, { sub: 'alice' });
    const held = await Promise.all(
      Array.from({ length: PER_SUB }, () => openSse(`${proxy.plainUrl}/c/a/events`, { headers: { authorization } })),
    );
    for (const each of held) assert.equal((await each.next()).event, '$sync');
    for (const [head, fields] of [
      ['GET /c/a/events', ''],
      ['GET /c/a/events?strict=1', EVENT_SOURCE],
      ['GET /c/a/events?format=ndjson', ''],
      ['GET /c/a/events?format=json&wait=5', ''],
    ] as const) {
      const answer = await ask('192.0.2.1', head, of('alice') + fields);
      assertTooMany(answer, 'too_many_streams');
    }
    const polite = await ask('192.0.2.1', 'GET /c/a/events', of('alice') + EVENT_SOURCE);
    assertTold(polite, 'streams');
    assert.match(polite, /^x-limited: 429\r$/im);
    assert.match(await ask('192.0.2.1', 'GET /c/a/events', of('bob') + EVENT_SOURCE), /\$sync/);
    for (const each of held) each.close();
  });

  it('streams of an address, which the edge tells: whose EventSource is refused comes back by itself', async () => {
    // undici's EventSource has no address of its own to come from: the ones that are held do.
    await using small = await startServer({
      env: { AUTH: 'anonymous', TRUST_PROXY: '127.0.0.1', MAX_STREAMS_PER_ADDRESS: '1' },
    });
    await using between = await startEdge(edge, { buckets: [small], gateways: [small], trustedProxies: '127.0.0.1' });
    const url = `${between.plainUrl}/c/a/events`;
    const mine = { headers: { 'x-forwarded-for': '192.0.2.1' } };
    await using held = await openSse(url, mine);
    assert.equal((await held.next()).event, '$sync');
    const dispatcher = new (await import('undici')).Agent().compose((dispatch) => (options, handler) => {
      const headers = { ...(options.headers as Record<string, string>), 'x-forwarded-for': '192.0.2.1' };
      return dispatch({ ...options, headers }, handler);
    });
    const source = new EventSource(url, { node: { dispatcher } } as never);
    const seen: string[] = [];
    for (const type of ['$overloaded', '$sync']) {
      source.addEventListener(type, (event) => seen.push(`${type} ${(event as unknown as MessageEvent).data}`));
    }
    await waitFor(() => seen.length > 0, { what: 'a frame' });
    assert.equal(seen[0], '$overloaded {"reason":"streams"}');
    assert.notEqual(source.readyState, EventSource.CLOSED);
    held.close();
    await waitFor(() => seen.some((each) => each.startsWith('$sync')), { what: 'it to be back', timeoutMs: BACK_MS });
    source.close();
    await dispatcher.close();
  });

  it('POSTs of a sub: our 429; the same is accepted later, once', async () => {
    const answer = await until429(() => post('192.0.2.2', '/c/b', of('carol')));
    assertTooMany(answer, 'too_many_changes');
    assert.match(answer, /One sub may send 1 changes a second/);
    const path = '/c/b-once?from=carol.n1&seq=1';
    await waitFor(async () => / 204 /.test(await post('192.0.2.2', path, of('carol'))), { what: 'it to be accepted' });
    const history = async () => ask('192.0.2.2', 'GET /c/b-once/history', of('carol'));
    await waitFor(async () => (await history()).includes('"seq":1'), { what: 'it in the history' });
    assert.equal((await history()).split('"seq":').length, 2);
    const put = await until429(() => ask('192.0.2.2', 'PUT /c/b?from=carol.n1&seq=1', of('carol'), 'x'));
    assertTooMany(put, 'too_many_changes');
  });

  it('POSTs of an address: of the one that the edge knows, whatever stands before it', async () => {
    const answer = await until429(() => post('192.0.2.3', '/c/public.a'));
    assertTooMany(answer, 'too_many_changes');
    assert.match(answer, /One address may send 2 changes a second/);
    assert.match(await post('192.0.2.4', '/c/public.a'), / 204 /);
  });

  it('new channels of a sub', async () => {
    let n = 0;
    const answer = await waitFor(
      async () => {
        const said = await post('192.0.2.5', `/c/new-${edge}-${n}`, of('dave'));
        if (/ 204 /.test(said)) n++;
        return said.includes('too_many_new_channels') ? said : '';
      },
      { what: 'no more of them', timeoutMs: BACK_MS },
    );
    assertTooMany(answer, 'too_many_new_channels');
    assert.equal(n, 3);
  });

  it('bad credentials of an address: nothing is tried any more, at any door', async () => {
    const answer = await until429(() => ask('192.0.2.6', 'GET /c/a/state', bad()));
    assertTooMany(answer, 'too_many_failures');
    await until429(() => post('192.0.2.6', '/c/a', bad()));
    await until429(() => ask('192.0.2.6', 'GET /c/a/events', bad()));
    const told = await waitFor(
      async () => {
        const said = await ask('192.0.2.6', 'GET /c/a/events', bad() + EVENT_SOURCE);
        return said.includes('$overloaded') ? said : '';
      },
      { what: '$overloaded' },
    );
    assertTold(told, 'credentials');
    assert.match(await ask('192.0.2.7', 'GET /c/a/state', of('erin')), / 200 /);
  });

  it('a page of a listed origin reads our 429, and when it may come again', async () => {
    for (const [origin, isReader] of [
      [APP, true],
      ['https://evil.example', false],
    ] as const) {
      const fields = `Origin: ${origin}\r\n`;
      const answer = await until429(() => ask('192.0.2.8', 'GET /c/a/state', bad() + fields));
      assert.equal(/^access-control-allow-origin: https:\/\/app\.example\r$/im.test(answer), isReader);
      assert.equal(/^access-control-expose-headers: Retry-After, ETag\r$/im.test(answer), isReader);
      if (!isReader) continue;
      const change = await until429(() => post('192.0.2.9', '/c/public.a', fields));
      assert.match(change, /^access-control-allow-origin: https:\/\/app\.example\r$/im);
    }
  });

  it('what the edge refuses itself has another code and another reason', async () => {
    await using busy = await startEdge(edge, {
      buckets: [server],
      gateways: [server],
      requestsPerS: 1,
      trustedProxies: '127.0.0.1',
    });
    const own = await until429(() => ask('192.0.2.10', 'GET /c/public.a/state', '', '', busy.plainUrl));
    assert.match(own, /"code":"too_many_requests"/);
    const told = await waitFor(
      async () => {
        const said = await ask('192.0.2.10', 'GET /c/public.a/events', EVENT_SOURCE, '', busy.plainUrl);
        return said.includes('$overloaded') ? said : '';
      },
      { what: '$overloaded' },
    );
    assertTold(told, 'capacity');
    assert.doesNotMatch(told, /x-limited/i);
  });

  it('no token is in the log of the server or of the edge', () => {
    assert.doesNotMatch(server.output() + proxy.log(), /eyJ/);
  });
}

for (const edge of edges) describe(`limits through ${edge}`, { concurrency: 4 }, () => tests(edge));
