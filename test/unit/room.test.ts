/** Room for connections: which are closed when it runs short, and that streams and busy ones are not. */
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { it } from 'node:test';
import { anonymousAccess } from '../../src/access/anonymous.ts';
import { createServer, listen } from '../../src/http/server.ts';
import { createLogger } from '../../src/log.ts';
import { createMetrics } from '../../src/metrics.ts';
import { waitFor } from '../support/wait.ts';

const MAX_CONNECTIONS = 32;

interface Client {
  readonly socket: Socket;
  text: string;
  isClosed: boolean;
}

async function startBench() {
  const log = createLogger({ logLevel: 'silent' });
  const metrics = createMetrics();
  const config = {
    ...{ maxChangeBytes: 10, streamStallMs: 30_000, maxConnections: MAX_CONNECTIONS },
    ...{ corsOrigins: null, loopbackOnly: true, publicHosts: null, trustProxy: [] },
  };
  const app = await createServer({
    access: anonymousAccess,
    ...{ config, log, metrics },
    plainly(_request, answer) {
      answer.noContent();
      return true;
    },
  });
  let begun = 0;
  app.get('/never', { config: { right: 'open' } }, () => {
    begun++;
    return new Promise(() => {});
  });
  app.get('/quick', { config: { right: 'open' } }, () => 'quick');
  const port = await listen(app, { host: '127.0.0.1', port: 0 });
  const sockets: Socket[] = [];
  return {
    async cut(reason: string) {
      const { values } = await metrics.connectionsCut.get();
      return values.find(({ labels }) => labels.reason === reason)!.value;
    },
    /** A client that is never answered, when that has begun. */
    async openBusy() {
      const before = begun;
      const client = await this.open(get('/never'), null);
      await waitFor(() => client.isClosed || begun > before, { what: 'it to be begun' });
      return client;
    },
    /** @param answer What it waits for. */
    async open(text: string, answer: string | null): Promise<Client> {
      const socket = connect(port, '127.0.0.1');
      sockets.push(socket);
      const client: Client = { socket, text: '', isClosed: false };
      socket.on('error', () => {});
      socket.on('close', () => {
        client.isClosed = true;
      });
      socket.on('data', (chunk: Buffer) => {
        client.text += chunk.toString('latin1');
      });
      socket.write(text);
      await waitFor(() => client.isClosed || answer === null || client.text.includes(answer), { what: 'an answer' });
      return client;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await app.close();
    },
  };
}

const post = 'POST /c/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx';
const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;

it('is made of idle connections, of both kinds, and never of busy ones', async () => {
  await using bench = await startBench();
  const busy = await bench.openBusy();
  const idle: Client[] = [];
  for (let i = 0; i < 2 * MAX_CONNECTIONS; i++) {
    const client = i % 2 === 0 ? await bench.open(post, '204') : await bench.open(get('/quick'), 'quick');
    assert.notEqual(client.text, '', `client ${i}`);
    idle.push(client);
  }
  await waitFor(() => idle.filter(({ isClosed }) => isClosed).length >= MAX_CONNECTIONS, {
    what: 'as many to be closed',
  });
  assert.equal(busy.isClosed, false);
  assert.equal(await bench.cut('refused'), 0);
});

it('is none when all are busy: who comes is closed, and counted', async () => {
  await using bench = await startBench();
  const busy: Client[] = [];
  for (let i = 0; i < MAX_CONNECTIONS + 8; i++) busy.push(await bench.openBusy());
  await waitFor(() => busy.filter(({ isClosed }) => isClosed).length === 8, { what: 'eight to be closed' });
  assert.deepEqual([await bench.cut('refused'), await bench.cut('room')], [8, 0]);
  for (const { socket } of busy) socket.destroy();
  await waitFor(async () => !(await bench.open(post, '204')).isClosed, { what: 'a change to be taken', everyMs: 200 });
});
