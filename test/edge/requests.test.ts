/** What both edges do with a request before a server sees it: who it is from, what is logged, and what is too much. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, beforeEach, describe, it } from 'node:test';
import { assertProblem } from '../contract/protocol/kit.ts';
import { type Edge, type EdgeProcess, edges, startEdge } from '../support/edge.ts';
import { request, requestRaw } from '../support/http.ts';
import { waitFor } from '../support/wait.ts';
import { startWitness, type Witness } from './witness.ts';

const BODY_BYTES = 4096;
const TOKEN = 'tok3n-of-somebody';

/** A POST of two bytes of which one is sent, on a connection of its own. */
class HalfSent {
  /** All that was answered. */
  text = '';
  readonly #socket;

  constructor(url: string) {
    this.#socket = connect(Number(new URL(url).port), '127.0.0.1');
    this.#socket.setEncoding('latin1').on('data', (chunk) => {
      this.text += chunk;
    });
    // Some are reset.
    this.#socket.on('error', () => {});
    this.#socket.write(
      'POST /c/room HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nx',
    );
  }

  finish(): void {
    this.#socket.write('x');
  }

  end(): void {
    this.#socket.destroy();
  }

  /** Of the last answer. */
  async status(): Promise<string> {
    const answer = /HTTP\/1\.1 ([2-5]\d\d) /;
    return (await waitFor(() => answer.exec(this.text), { what: () => `an answer: ${this.text}` }))[1]!;
  }
}

function requestTests(edge: Edge): void {
  let witness: Witness;
  let proxy: EdgeProcess;
  before(async () => {
    witness = await startWitness();
    proxy = await startEdge(edge, { buckets: [witness], gateways: [witness], bodyBytes: BODY_BYTES });
  });
  beforeEach(() => witness.seen.splice(0));
  after(async () => {
    await proxy?.stop();
    witness?.stop();
  });
  const post = (path: string, headers = {}, body = 'x') =>
    request(proxy.plainUrl, path, { method: 'POST', headers, body });

  it('X-Forwarded-For is the address, whatever the client claims', async () => {
    const claims = {
      'X-Forwarded-For': ['6.6.6.6', '7.7.7.7'],
      'X-Forwarded-Host': 'evil.example',
      'X-Forwarded-Proto': 'gopher',
      'X-Real-IP': '6.6.6.6',
      Forwarded: 'for=6.6.6.6',
    };
    await post('/c/room', claims);
    await request(proxy.plainUrl, '/c/room/events?format=json', { headers: claims });
    assert.equal(witness.seen.length, 2);
    for (const { headers } of witness.seen) {
      assert.deepEqual([headers['x-forwarded-for'], headers['x-forwarded-proto']], ['127.0.0.1', 'http']);
      for (const name of ['x-forwarded-host', 'x-real-ip', 'forwarded']) assert.equal(headers[name], undefined, name);
    }
  });

  it('the path and the query go on as they were sent', async () => {
    for (const path of [
      '/c/a%20b?x=%2f&y=1?2',
      '/c/%7Ba%7D',
      '/c//x?a',
      '/c/a/../b',
      '/c/room/events?since=a.b~-_&x',
    ]) {
      await post(path);
      assert.equal(witness.seen.at(-1)!.path, path);
    }
  });

  it('a field with other characters in its name is left out', async () => {
    await post('/c/room', { change_seq: '1', 'x.y': '1' });
    assert.deepEqual([witness.seen[0]!.headers.change_seq, witness.seen[0]!.headers['x.y']], [undefined, undefined]);
  });

  it('no query is logged, of requests that succeed, fail, or are none', async () => {
    const query = `?token=${TOKEN}&from=a.1&seq=1`;
    await post(`/c/room${query}`);
    await request(proxy.plainUrl, `/c/room/events${query}`);
    await request(proxy.plainUrl, `/metrics${query}`);
    await post(`/c/room${query}`, {}, 'x'.repeat(BODY_BYTES + 1));
    for (const path of [`/c/%zz${query}`, `/c/${'x'.repeat(9_000)}${query}`, `/c/a b${query}`]) {
      await requestRaw(proxy.plainUrl, `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    }
    await post(`/c/last${query}`);
    await using unreachable = await startEdge(edge, {
      buckets: [{ url: 'http://127.0.0.1:1' }],
      gateways: [{ url: 'http://127.0.0.1:1' }],
      requestsPerS: 2,
    });
    for (let i = 0; i < 8; i++) await request(unreachable.plainUrl, `/c/room${query}`, { method: 'POST', body: 'x' });
    const paths = ({ log }: EdgeProcess) =>
      log()
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => (JSON.parse(line) as { path: string }).path);
    await waitFor(() => paths(proxy).includes('/c/last') && paths(unreachable).includes('/c/room'), {
      what: () => `the log:\n${proxy.log()}`,
    });
    for (const log of [proxy.log(), unreachable.log()]) assert.ok(!log.includes(TOKEN), log);
  });

  it('the paths of operators are not there', async () => {
    for (const path of ['/metrics', '/load', '/admin', '/admin/x', '/dashboard', '/dashboard/', '/metrics?x']) {
      assertProblem(await request(proxy.plainUrl, path), 404, 'not_found');
    }
    assert.equal(witness.seen.length, 0);
  });

  it('a body above the limit is 413, declared or, as far as it is seen, not', async () => {
    assert.equal((await post('/c/room', {}, 'x'.repeat(BODY_BYTES))).status, 204);
    assertProblem(await post('/c/room', {}, 'x'.repeat(BODY_BYTES + 1)), 413, 'change_too_large');
    assertProblem(
      await post('/c/room', { 'Transfer-Encoding': 'chunked' }, 'x'.repeat(BODY_BYTES + 1)),
      413,
      'change_too_large',
    );
    assert.equal(witness.seen.length, 1);
  });

  it('a header of 20,000 bytes is refused, and no server sees it', async () => {
    const large = `GET /c/room/state HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`;
    assert.match(await requestRaw(proxy.plainUrl, large), /^HTTP\/1\.1 4(00|31) /);
    assert.equal(witness.seen.length, 0);
  });

  it('who trickles a header or a body is let go, and no server sees it', async () => {
    await using strict = await startEdge(edge, { buckets: [witness], gateways: [witness], slowS: 1 });
    const texts = ['GET /c/room', 'POST /c/room HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nx'];
    const ends = texts.map(
      (text) =>
        new Promise((resolve) => {
          const socket = connect(Number(new URL(strict.plainUrl).port), '127.0.0.1');
          // Some are reset.
          socket.on('error', () => {}).resume();
          socket.once('close', resolve);
          socket.write(text);
        }),
    );
    await Promise.all(ends);
    assert.equal(witness.seen.length, 0);
  });

  it('a connection that never sent a byte is closed without a word', async () => {
    await using strict = await startEdge(edge, { buckets: [witness], gateways: [witness], slowS: 1 });
    assert.equal(await requestRaw(strict.plainUrl, ''), '');
  });

  it('one address has so many connections', async () => {
    await using strict = await startEdge(edge, { buckets: [witness], gateways: [witness], connectionsPerIp: 5 });
    // Each is in the middle of a body, and known to be counted, before the next one comes: HAProxy's threads count a
    // connection first and look at the number after that.
    const held: HalfSent[] = [];
    for (let i = 0; i < 5; i++) {
      const one = new HalfSent(strict.plainUrl);
      await waitFor(() => one.text.startsWith('HTTP/1.1 100 '), { what: () => `a place: ${one.text}` });
      held.push(one);
    }
    const more = Array.from({ length: 7 }, () => new HalfSent(strict.plainUrl));
    for (const one of more) {
      assert.equal(await one.status(), '429');
      one.end();
    }
    for (const one of held) {
      one.finish();
      assert.equal(await one.status(), '204');
    }
  });
}

for (const edge of edges) describe(`requests through ${edge}`, () => requestTests(edge));
