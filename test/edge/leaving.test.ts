/** Who leaves is gone from the gateway at once through both edges, and who has only said all that he has to say is still answered. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectH2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { newChannel } from '../contract/protocol/kit.ts';
import { type Edge, type EdgeProcess, edges, startEdge } from '../support/edge.ts';
import { request } from '../support/http.ts';
import { type ServerProcess, startServer } from '../support/process.ts';
import { waitFor } from '../support/wait.ts';
import { reloadPages } from './trials/reloads.ts';

const STREAMS = 20;
const TRIES = 20;
/** It takes milliseconds; this is for a busy machine, and far below the heartbeat, which a ghost outlives. */
const GONE_MS = 5_000;
/** On a busy machine; one that stays is there for a heartbeat of 45 s. */
const RELOADED_MS = 9_000;
const env = { DRAIN_MS: '0', HEARTBEAT_MS: '45000' };

/** What is answered to this text by a server that has seen its sender's FIN right behind it. */
function sayAndFinish(url: string, text: string): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    socket.on('error', () => {}).once('close', () => resolve(answer.split('\r\n')[0]!));
    socket.once('end', () => socket.destroy());
    socket.end(text);
  });
}

/** For both edges: each has nothing left open when the other begins. */
let server: ServerProcess;
before(async () => {
  server = await startServer({ env });
});
after(() => server?.stop());

function leavingTests(edge: Edge): void {
  let proxy: EdgeProcess;
  before(async () => {
    proxy = await startEdge(edge, { buckets: [server], gateways: [server] });
  });
  after(() => proxy?.stop());

  const streams = async () => (await request(server.url, '/load')).json<{ streams: number }>().streams;
  const until = (count: number, timeoutMs = GONE_MS) =>
    waitFor(async () => (await streams()) === count, { what: `${count} streams`, timeoutMs, everyMs: 20 });

  const plain = () => connect({ port: Number(new URL(proxy.plainUrl).port), host: '127.0.0.1', allowHalfOpen: true });
  const inTls = () =>
    connectTls({ port: Number(new URL(proxy.tlsUrl).port), host: '127.0.0.1', rejectUnauthorized: false });
  for (const [bye, way, open] of [
    ['close', 'HTTP/1.1', plain],
    ['half-close', 'HTTP/1.1', plain],
    ['close', 'HTTP/1.1 in TLS', inTls],
    ['half-close', 'HTTP/1.1 in TLS', inTls],
  ] as const) {
    it(`${way}: ${STREAMS} listeners ${bye} and are gone`, async () => {
      const sockets: Socket[] = [];
      for (let i = 0; i < STREAMS; i++) {
        const socket = open();
        socket.on('error', () => {});
        socket.write(`GET /c/${newChannel()}/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n`);
        await once(socket, 'data');
        sockets.push(socket);
      }
      await until(STREAMS);
      for (const socket of sockets) {
        if (bye === 'close') socket.destroy();
        else socket.end();
      }
      await until(0);
      for (const socket of sockets) socket.destroy();
    });
  }

  it(`HTTP/2: ${STREAMS} listeners leave, one by one and with their connection`, async () => {
    for (const leave of ['stream', 'connection'] as const) {
      const session = connectH2(proxy.tlsUrl, { rejectUnauthorized: false });
      const opened = Array.from({ length: STREAMS }, () =>
        session.request({ ':path': `/c/${newChannel()}/events`, accept: 'text/event-stream' }),
      );
      for (const stream of opened) stream.on('error', () => {}).resume();
      await until(STREAMS);
      if (leave === 'connection') session.destroy();
      else for (const stream of opened) stream.close();
      await until(0);
      session.destroy();
    }
  });

  it('a change or a question whose sender half-closes is answered', async () => {
    for (let i = 1; i <= TRIES; i++) {
      const change = `POST /c/half?from=a.b&seq=${i} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx`;
      assert.match(await sayAndFinish(proxy.plainUrl, change), / 204 /, `change ${i}`);
      const question = 'GET /c/half/state HTTP/1.1\r\nHost: localhost\r\n\r\n';
      assert.match(await sayAndFinish(proxy.plainUrl, question), / 200 /, `question ${i}`);
    }
  });

  it('a page that is loaded again and again has one stream, over HTTP/1.1 and h2', async (t) => {
    const { figures, failures } = await reloadPages({ edge, scale: 0.04 }, RELOADED_MS);
    t.diagnostic(JSON.stringify(figures));
    assert.deepEqual(failures, []);
  });
}

for (const edge of edges) describe(`who leaves ${edge}`, () => leavingTests(edge));
