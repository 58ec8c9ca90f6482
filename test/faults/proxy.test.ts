/** The fault proxy does to connections what it says, and nothing else. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom } from '../support/random.ts';
import { waitFor } from '../support/wait.ts';
import { type Address, type FaultProxy, startProxy } from './proxy.ts';

let server: Server;
let target: Address;
/** What the server was sent, over all connections. */
let received = '';

before(async () => {
  server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString();
      socket.write(`[${chunk.toString()}]`);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  target = { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
});
after(() => server.close());

interface Client {
  readonly socket: Socket;
  text: string;
  isClosed: boolean;
}

async function open(proxy: FaultProxy): Promise<Client> {
  const socket = connect(proxy.port, '127.0.0.1');
  const client: Client = { socket, text: '', isClosed: false };
  socket.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => {
    client.text += chunk.toString();
  });
  socket.on('close', () => {
    client.isClosed = true;
  });
  await once(socket, 'connect');
  return client;
}

const start = (targets: () => readonly Address[] = () => [target]) => startProxy(targets, createRandom(1));
const hears = (client: Client, text: string) =>
  waitFor(() => client.text === text, { what: () => `${text}, there was ${client.text}` });
const ends = (client: Client) => waitFor(() => client.isClosed, { what: 'the end of the connection' });

describe('fault proxy', () => {
  it('passes everything on', async () => {
    await using proxy = await start();
    const client = await open(proxy);
    client.socket.write('a');
    await hears(client, '[a]');
  });

  it('delays, and keeps the order under jitter', async () => {
    await using proxy = await start();
    proxy.set({ delayMs: 50, jitterMs: 30 });
    const client = await open(proxy);
    const beganMs = performance.now();
    for (const letter of 'abcdef') {
      client.socket.write(letter);
      await sleep(2);
    }
    await waitFor(() => client.text.replaceAll(/[[\]]/g, '') === 'abcdef', { what: () => `abcdef: ${client.text}` });
    assert.ok(performance.now() - beganMs >= 100, 'both directions are delayed');
  });

  it('is a black hole, and then gives back what it kept', async () => {
    await using proxy = await start();
    const client = await open(proxy);
    proxy.set({ blackHole: true });
    client.socket.write('a');
    await sleep(60);
    assert.equal(client.text, '');
    proxy.set();
    await hears(client, '[a]');
  });

  it('refuses newcomers and leaves those who are there', async () => {
    await using proxy = await start();
    const client = await open(proxy);
    client.socket.write('a');
    await hears(client, '[a]');
    proxy.set({ refuse: true });
    const late = connect(proxy.port, '127.0.0.1');
    await once(late, 'error');
    client.socket.write('b');
    await hears(client, '[a][b]');
  });

  it('forwards the request, swallows the reply, and resets', async () => {
    await using proxy = await start();
    const client = await open(proxy);
    proxy.set({ swallow: 1 });
    received = '';
    client.socket.write('once');
    await ends(client);
    assert.deepEqual([received, client.text, proxy.counts.swallowed], ['once', '', 1]);
  });

  it('cuts after so many bytes', async () => {
    await using proxy = await start();
    const client = await open(proxy);
    client.socket.write('ab');
    await hears(client, '[ab]');
    proxy.cutAfter(3);
    client.socket.write('cdef');
    await ends(client);
    assert.equal(client.text, '[ab][cd');
  });

  it('cuts at random, and all at once', async () => {
    await using proxy = await start();
    const first = await open(proxy);
    proxy.set({ cut: 1 });
    first.socket.write('a');
    await ends(first);
    assert.ok(first.text.length < 3);
    proxy.set();
    const second = await open(proxy);
    second.socket.write('a');
    await hears(second, '[a]');
    proxy.cutAll();
    await ends(second);
  });

  it('takes the next target when one refuses', async () => {
    const gone = createServer().listen(0, '127.0.0.1');
    await once(gone, 'listening');
    const { port } = gone.address() as AddressInfo;
    gone.close();
    await using proxy = await start(() => [{ host: '127.0.0.1', port }, target]);
    for (let i = 0; i < 4; i++) {
      const client = await open(proxy);
      client.socket.write('a');
      await hears(client, '[a]');
      client.socket.destroy();
    }
  });
});
