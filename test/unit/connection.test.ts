/** A stream's connection, both kinds: what is written arrives whole and in order, however slowly it is taken. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { DirectConnection, NodeConnection } from '../../src/gateway/connection/connection.ts';
import { directHandle, writeAndLearn } from '../../src/gateway/connection/direct-write.ts';
import type { Transport } from '../../src/gateway/connection/transport.ts';
import { waitFor } from '../support/wait.ts';

const HEAD = 'head ';
const FULL_BYTES = 64 << 10;
/** Most are small, all together more than the kernel holds. */
const PIECES = Array.from({ length: 400 }, (_, i) => `${i} ${'x'.repeat(i % 10 === 9 ? 300_000 : i * 7)};`);
const WHOLE = HEAD + PIECES.join('');

interface Pair<T extends Transport = Transport> extends AsyncDisposable {
  readonly connection: T;
  readonly client: Socket;
  readonly closes: number[];
}

type Make<T extends Transport> = (socket: Socket, fullBytes: number) => T;

const direct: Make<DirectConnection> = (socket, fullBytes) => {
  const handle = directHandle(socket);
  assert.ok(handle, 'this Node is not made as expected');
  return new DirectConnection(socket, handle, fullBytes);
};
const node: Make<NodeConnection> = (socket, fullBytes) => new NodeConnection(socket, fullBytes);

async function open<T extends Transport>(make: Make<T>, fullBytes = FULL_BYTES): Promise<Pair<T>> {
  const server = createServer({ noDelay: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.on('error', () => {});
  const [socket] = (await once(server, 'connection')) as [Socket];
  writeAndLearn(socket, Buffer.from(HEAD));
  const connection = make(socket, fullBytes);
  const closes: number[] = [];
  connection.listener = { connectionClosed: () => closes.push(performance.now()) };
  socket.resume();
  return {
    connection,
    client,
    closes,
    async [Symbol.asyncDispose]() {
      client.destroy();
      connection.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

for (const [name, make] of Object.entries({ DirectConnection: direct, NodeConnection: node })) {
  describe(name, () => {
    it('hands over everything in order to a reader that pauses', async () => {
      await using pair = await open<Transport>(make);
      const { connection, client } = pair;
      client.pause();
      const written = (async () => {
        for (const [i, piece] of PIECES.entries()) {
          await connection.drained();
          connection.write(i % 2 === 0 ? piece : Buffer.from(piece));
        }
        connection.end('bye');
      })();
      await waitFor(() => connection.isFull, { what: 'the connection to be full' });
      let text = '';
      for await (const chunk of client.setEncoding('latin1')) text += chunk;
      await written;
      assert.ok(text === `${WHOLE}bye`, `${text.length} bytes of ${WHOLE.length + 3}, or others`);
    });

    it('is stalled only while something waits and nothing of it is taken', async () => {
      await using pair = await open<Transport>(make);
      const { connection, client } = pair;
      assert.equal(connection.isStalled(), false, 'nothing waits');
      client.pause();
      while (!connection.isFull) connection.write(Buffer.alloc(100_000));
      connection.isStalled();
      await waitFor(() => connection.isStalled(), { what: 'the kernel to take no more' });
      client.resume();
      await connection.drained();
      await waitFor(() => !connection.isStalled(), { what: 'the rest to be taken' });
    });

    it('with a small buffer is full, and told of room again', async () => {
      await using pair = await open<Transport>(make, 1_000);
      const { connection, client } = pair;
      client.pause();
      while (!connection.isFull) connection.write(Buffer.alloc(1_500));
      client.resume();
      await connection.drained();
      assert.equal(connection.isFull, false);
    });

    it('tells once of a client that breaks off while bytes wait, and writes to it do no harm', async () => {
      await using pair = await open<Transport>(make);
      const { connection, client, closes } = pair;
      client.pause();
      while (!connection.isFull) connection.write(Buffer.alloc(100_000));
      const drained = connection.drained();
      client.resetAndDestroy();
      await drained;
      await waitFor(() => closes.length > 0, { what: 'the connection to be closed' });
      connection.write(Buffer.from('nobody reads this'));
      await new Promise(setImmediate);
      assert.equal(connection.isClosed, true);
      assert.equal(closes.length, 1);
    });

    it('notices a broken connection by the write', async () => {
      await using pair = await open<Transport>(make);
      const { connection, client, closes } = pair;
      client.resetAndDestroy();
      await once(client, 'close');
      for (let i = 0; i < 3; i++) connection.write(Buffer.from('nobody reads this'));
      await waitFor(() => closes.length > 0, { what: 'the connection to be closed' });
      assert.equal(closes.length, 1);
    });
  });
}

it('gives a request away once, also when the kernel has taken all of its bytes before anybody looks', async () => {
  await using first = await open(direct);
  await using second = await open(direct);
  const isTold = new Promise<void>((resolve) => {
    first.connection.leftOver = () => resolve();
  });
  // What libuv says when its second try empties the queue, and only the completion is still to come.
  const handle = (first.connection as unknown as { outlet: { _handle: object } }).outlet._handle;
  Object.defineProperty(handle, 'writeQueueSize', { value: 0 });
  for (const { client, connection } of [first, second]) {
    client.pause();
    // A request in use would end the process here.
    connection.write(Buffer.alloc(8 << 20));
  }
  first.client.resume();
  await isTold;
  assert.equal(second.connection.isFull, true);
});

it('is not used where a handle is made otherwise', () => {
  assert.equal(directHandle({ _handle: { writeBuffer: () => 0 } } as unknown as Socket), null);
  assert.equal(directHandle({ _handle: null } as unknown as Socket), null);
});
