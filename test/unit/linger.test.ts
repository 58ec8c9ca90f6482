/** An answer that comes before all was sent reaches even who reads it late: the connection lingers, but not for ever. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { describe, it } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { linger } from '../../src/http/linger.ts';
import { startHttpApp } from '../support/http-app.ts';
import { waitFor } from '../support/wait.ts';

const CHUNK = `4000\r\n${'x'.repeat(0x4000)}\r\n`;

/** What is answered at once, whatever comes behind it. */
const early: readonly [what: string, request: string, answer: RegExp][] = [
  [
    'a body above the limit',
    `POST /in HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNK}`,
    /^HTTP\/1\.1 413 /,
  ],
  ['what is not HTTP', `POST\r\n\r\n${CHUNK}`, /^HTTP\/1\.1 400 /],
  ['a proxy asked for', `CONNECT a:1 HTTP/1.1\r\nHost: localhost\r\n\r\n${CHUNK}`, /^HTTP\/1\.1 405 /],
  [
    'two hosts',
    `POST /in HTTP/1.1\r\nHost: localhost\r\nHost: b\r\nTransfer-Encoding: chunked\r\n\r\n`,
    /^HTTP\/1\.1 400 /,
  ],
];

async function start() {
  const sockets: Socket[] = [];
  const http = await startHttpApp(
    (app: FastifyInstance) => {
      app.post('/in', { config: { right: 'open' } }, () => 'in');
      app.server.on('connection', (socket: Socket) => sockets.push(socket));
    },
    { MAX_CHANGE_BYTES: '1024' },
  );
  return { http, sockets };
}

describe('an answer that comes before all was sent', () => {
  for (const [what, request, answer] of early) {
    it(`reaches who sends on, and reads later: ${what}`, async () => {
      const { http, sockets } = await start();
      await using _ = http;
      const client = connect({ port: http.port, host: '127.0.0.1', allowHalfOpen: true });
      client.on('error', () => {}).pause();
      client.write(request);
      await waitFor(() => sockets[0]?.writableFinished || sockets[0]?.destroyed, { what: 'it to be answered' });
      for (let i = 0; i < 20; i++) {
        client.write(CHUNK);
        await new Promise(setImmediate);
      }
      let text = '';
      client.setEncoding('latin1').on('data', (some: string) => {
        text += some;
      });
      client.resume();
      await waitFor(() => client.readableEnded || client.destroyed, { what: 'the end' });
      assert.match(text, answer);
      client.destroy();
      await waitFor(() => sockets[0]!.destroyed, { what: 'it to be closed' });
    });
  }

  it('goes on to drop a mebibyte, and no more', async () => {
    const { http, sockets } = await start();
    await using _ = http;
    const client = connect({ port: http.port, host: '127.0.0.1', allowHalfOpen: true });
    client.on('error', () => {});
    client.write(early[0]![1]);
    await waitFor(() => sockets[0]?.writableFinished, { what: 'it to be answered' });
    for (let i = 0; i < 80 && !sockets[0]!.destroyed; i++) {
      client.write(CHUNK);
      await waitFor(() => client.writableLength === 0, { what: 'it to be taken' });
    }
    await waitFor(() => sockets[0]!.destroyed, { what: 'it to be closed' });
    assert.ok(sockets[0]!.bytesRead > 1024 * 1024);
    client.destroy();
  });
});

it('who neither sends nor closes is closed after a while', async () => {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true });
  const [socket] = (await once(server, 'connection')) as [Socket];
  linger(socket, 50);
  await once(client.resume(), 'end');
  await once(socket, 'close');
  client.destroy();
  server.close();
});
