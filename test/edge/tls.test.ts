/** TLS in front of both edges: HTTP/2 and HTTP/1.1 by ALPN, nothing below TLS 1.2, and the clients that there are. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect as connectH2 } from 'node:http2';
import { after, before, describe, it } from 'node:test';
import { connect, type SecureVersion } from 'node:tls';
import { promisify } from 'node:util';
import { Agent, EventSource, fetch } from 'undici';
import { newChannel } from '../contract/protocol/kit.ts';
import { type Edge, type EdgeProcess, edges, startEdge } from '../support/edge.ts';
import { request } from '../support/http.ts';
import { type ServerProcess, startServer } from '../support/process.ts';
import { SseParser } from '../support/sse.ts';
import { waitFor } from '../support/wait.ts';

const run = promisify(execFile);

/** For both edges: each has nothing left open when the other begins. */
let server: ServerProcess;
before(async () => {
  server = await startServer({ env: { DRAIN_MS: '0' } });
});
after(() => server?.stop());

function tlsTests(edge: Edge): void {
  let proxy: EdgeProcess;
  let ca: Buffer;
  before(async () => {
    proxy = await startEdge(edge, { buckets: [server], gateways: [server], reloadS: 1 });
    ca = readFileSync(proxy.certificate);
  });
  after(() => proxy?.stop());

  const handshake = (versions: { minVersion: SecureVersion; maxVersion: SecureVersion }, ALPNProtocols: string[]) =>
    new Promise<{ alpn: string | false | null; version: string | null }>((resolve, reject) => {
      // @SECLEVEL=0: or our own side would not even offer what must be refused.
      const options = { ...versions, ca, ALPNProtocols, servername: 'localhost', ciphers: 'DEFAULT@SECLEVEL=0' };
      const socket = connect(Number(new URL(proxy.tlsUrl).port), '127.0.0.1', options, () => {
        resolve({ alpn: socket.alpnProtocol, version: socket.getProtocol() });
        socket.destroy();
      });
      socket.once('error', reject);
    });

  it('h2 is preferred, http/1.1 is there, TLS 1.2 and 1.3 are spoken, 1.1 is not', async () => {
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const only = { minVersion: version, maxVersion: version };
      assert.deepEqual(await handshake(only, ['http/1.1', 'h2']), { alpn: 'h2', version });
      assert.deepEqual(await handshake(only, ['http/1.1']), { alpn: 'http/1.1', version });
    }
    await assert.rejects(handshake({ minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1' }, ['http/1.1']));
  });

  it('curl sends and listens over HTTP/2 and HTTP/1.1', async () => {
    for (const version of ['--http2', '--http1.1']) {
      const channel = newChannel();
      const trusting = ['-sS', version, '--cacert', proxy.certificate];
      const listening = spawn('curl', [...trusting, '-N', `${proxy.tlsUrl}/c/${channel}/events`]);
      const parser = new SseParser();
      const seen: (string | undefined)[] = [];
      listening.stdout.on('data', (chunk: Buffer) => {
        for (const { event, data } of parser.push(chunk)) seen.push(event === 'message' ? data : event);
      });
      await waitFor(() => seen.includes('$sync'), { what: '$sync' });
      const what = ['-o', '/dev/null', '-w', '%{http_code} %{http_version}', '-d', 'x'];
      const { stdout } = await run('curl', [...trusting, ...what, `${proxy.tlsUrl}/c/${channel}?from=a.1&seq=1`]);
      assert.equal(stdout, `204 ${version === '--http2' ? '2' : '1.1'}`);
      await waitFor(() => seen.includes('x'), { what: 'the event' });
      listening.kill('SIGKILL');
      await once(listening, 'close');
    }
  });

  it('one HTTP/2 connection holds a stream and sends changes beside it', async () => {
    const channel = newChannel();
    const session = connectH2(proxy.tlsUrl, { ca });
    const stream = session.request({ ':path': `/c/${channel}/events`, accept: 'text/event-stream' });
    const seen: string[] = [];
    const parser = new SseParser();
    stream.on('data', (chunk: Buffer) => {
      for (const { event, data } of parser.push(chunk)) seen.push(event === 'message' ? data! : event);
    });
    await waitFor(() => seen.includes('$sync'), { what: '$sync' });
    for (let i = 1; i <= 20; i++) {
      const change = session.request({ ':method': 'POST', ':path': `/c/${channel}?from=a.1&seq=${i}` });
      change.end(String(i));
      const [headers] = (await once(change, 'response')) as [{ ':status': number }];
      assert.equal(headers[':status'], 204);
      change.close();
    }
    const expected = Array.from({ length: 20 }, (_, i) => String(i + 1));
    await waitFor(() => seen.length === 21, { what: () => `20 events; seen: ${seen}` });
    assert.deepEqual(seen.slice(1), expected);
    session.destroy();
  });

  it('CR LF in the fields of HTTP/2 smuggles nothing', async () => {
    const channel = newChannel();
    const hidden = `POST /c/${channel} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8\r\n\r\nsmuggled`;
    // node:http2 would refuse to send it, curl sends what it is told to in a path.
    const trusting = ['-sS', '--http2', '--cacert', proxy.certificate, '-o', '/dev/null', '-w', '%{http_code}'];
    for (const target of [`/c/${channel} HTTP/1.1\r\nHost: localhost\r\n\r\n${hidden}`, `/c/${channel}\r\nX: y`]) {
      const outcome = await run('curl', [...trusting, '--request-target', target, '-d', 'x', proxy.tlsUrl]).catch(
        () => null,
      );
      if (outcome !== null) assert.doesNotMatch(outcome.stdout, /^2/);
    }
    assert.equal((await request(server.url, `/c/${channel}`, { method: 'POST', body: 'end' })).status, 204);
    const page = await request(server.url, `/c/${channel}/history`);
    assert.deepEqual(
      page.json<{ events: { data: string }[] }>().events.map(({ data }) => data),
      ['end'],
    );
  });

  it('undici over h2, and its EventSource, which comes back after a reload', async () => {
    const channel = newChannel();
    const dispatcher = new Agent({ allowH2: true, connect: { ca } });
    const send = async (body: string) =>
      (await fetch(`${proxy.tlsUrl}/c/${channel}`, { method: 'POST', body, dispatcher })).status;
    const source = new EventSource(`${proxy.tlsUrl}/c/${channel}/events`, {
      node: { dispatcher: new Agent({ connect: { ca } }) },
    });
    try {
      const seen: string[] = [];
      let synced = 0;
      source.addEventListener('$sync', () => synced++);
      source.addEventListener('message', ({ data }) => seen.push(String(data)));
      await waitFor(() => synced === 1, { what: '$sync' });
      assert.equal(await send('a'), 204);
      await waitFor(() => seen.length === 1, { what: 'an event' });
      proxy.reload();
      await waitFor(() => synced === 2, { what: 'the way back', timeoutMs: 15_000 });
      assert.equal(await send('b'), 204);
      await waitFor(() => seen.length === 2, { what: 'what was sent after it' });
      assert.deepEqual(seen, ['a', 'b']);
    } finally {
      source.close();
      await dispatcher.destroy();
    }
  });
}

for (const edge of edges) describe(`TLS with ${edge}`, () => tlsTests(edge));
