/** A connection of the HTTP server: its turns (`pace.ts`), what it takes in while it may not begin more, and its age. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import type { HttpConnection } from '../../src/http/connection.ts';
import { openConnections } from '../../src/http/connections.ts';
import type { Pace, Paced } from '../../src/http/pace.ts';
import { createMetrics } from '../../src/metrics.ts';
import { waitFor } from '../support/wait.ts';

const GET = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n';

/** Where each waits until the test says that it is its turn. */
function byHand(): { pace: Pace; waiting: Paced[] } {
  const waiting: Paced[] = [];
  return { waiting, pace: { enter: (paced) => waiting.push(paced) === 0, wait: (paced) => void waiting.push(paced) } };
}

const atOnce: Pace = { enter: () => true, wait: (paced) => paced.proceed() };

async function open(pace: Pace, listener: RequestListener) {
  const server = createServer(listener);
  const connections = openConnections(server, { stallMs: 60_000, pace, metrics: createMetrics() });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true });
  const [socket] = (await once(server, 'connection')) as [Socket];
  const connection = [...connections][0] as HttpConnection;
  return {
    ...{ client, socket, connection },
    async [Symbol.asyncDispose]() {
      client.destroy();
      socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

describe('a connection that waits for its turn', () => {
  it('waits once, whatever else comes meanwhile', async () => {
    const { pace, waiting } = byHand();
    const asked: string[] = [];
    await using bench = await open(pace, (request, response) => {
      asked.push(request.url!);
      response.end();
    });
    for (let i = 1; i <= 5; i++) {
      bench.client.write(GET);
      await waitFor(() => bench.socket.readableLength === i * GET.length, { what: 'it to have come' });
    }
    assert.deepEqual([waiting.length, asked.length], [1, 0]);
    waiting[0]!.proceed();
    await waitFor(() => asked.length > 0, { what: 'its turn' });
  });

  it('and has left in the middle of a request is told, and closed', async () => {
    const { pace, waiting } = byHand();
    await using bench = await open(pace, (_request, response) => response.end());
    let answer = '';
    bench.client.setEncoding('latin1').on('data', (text: string) => {
      answer += text;
    });
    bench.client.end(GET.slice(0, -4));
    const { _readableState: state } = bench.socket as Socket & { _readableState: { ended: boolean } };
    await waitFor(() => state.ended, { what: 'all to have come' });
    assert.equal(waiting.length, 1);
    waiting[0]!.proceed();
    await waitFor(() => bench.client.readableEnded, { what: 'the end' });
    assert.match(answer, /^HTTP\/1\.1 400 /);
  });

  it('and is destroyed has nothing run', async () => {
    const { pace, waiting } = byHand();
    let asked = 0;
    await using bench = await open(pace, () => asked++);
    bench.client.write(GET);
    await waitFor(() => waiting.length > 0, { what: 'it to wait' });
    bench.socket.destroy();
    await once(bench.socket, 'close');
    waiting[0]!.proceed();
    assert.equal(asked, 0);
  });

  it('waits once where two answers end in the same turn', async () => {
    const { pace, waiting } = byHand();
    const responses: ServerResponse[] = [];
    await using bench = await open({ ...pace, enter: () => true }, (_request, response) => responses.push(response));
    bench.client.write(GET.repeat(5));
    await waitFor(() => responses.length === 2, { what: 'two to be begun' });
    for (const response of responses) response.end();
    await waitFor(() => bench.connection.isIdle, { what: 'both to be answered' });
    assert.equal(waiting.length, 1);
  });
});

it('of a request that may not begin yet, no body is taken', async () => {
  const responses: ServerResponse[] = [];
  await using bench = await open(atOnce, (_request, response) => responses.push(response));
  const bytes = 20_000_000;
  const post = `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${bytes}\r\n\r\n`;
  bench.client.write(GET + GET + post);
  await waitFor(() => responses.length === 2, { what: 'two to be begun' });
  let stood = 0;
  let before = -1;
  bench.client.write(Buffer.alloc(bytes));
  // That the client cannot write is what is waited for: its kernel's buffer and the server's are full.
  await waitFor(
    () => {
      stood = bench.client.bytesWritten - bench.client.writableLength === before ? stood + 1 : 0;
      before = bench.client.bytesWritten - bench.client.writableLength;
      return stood > 10;
    },
    { what: 'the client to stand still', everyMs: 10 },
  );
  assert.ok(bench.socket.bytesRead < 1_000_000, `${bench.socket.bytesRead} bytes were read`);
});

it('nothing is parsed while Node waits for an answer to be taken, and then all of it', async () => {
  const responses: ServerResponse[] = [];
  await using bench = await open(atOnce, (_request, response) => responses.push(response));
  bench.client.on('data', () => {}).pause();
  bench.client.write(GET);
  await waitFor(() => responses.length === 1, { what: 'the first' });
  // More than the kernel takes, and little enough that a second request may begin behind it.
  const { socket } = bench;
  while (socket.writableLength < 20_000) {
    responses[0]!.write(Buffer.alloc(20_000));
    await new Promise(setImmediate);
  }
  bench.client.write(
    `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000\r\n\r\n${'x'.repeat(2000)}${GET.repeat(40)}`,
  );
  await waitFor(() => responses.length === 2, { what: 'the second' });
  bench.client.resume();
  for (let i = 0; i < 42; i++) {
    await waitFor(() => responses.length > i, { what: () => `${i} of 42 requests` });
    responses[i]!.end();
  }
  await waitFor(() => bench.connection.isIdle, { what: 'the last answer' });
  assert.equal(socket.destroyed, false);
});

it('a connection was last used when its answer ended: whoever has just been answered asks next', async (t) => {
  let waits: ServerResponse | undefined;
  await using bench = await open(atOnce, (_request, response) => {
    waits = response;
  });
  const beganS = bench.connection.usedAtS;
  bench.client.write(GET);
  await waitFor(() => waits, { what: 'the request' });
  t.mock.timers.enable({ apis: ['Date'], now: (beganS + 100) * 1000 });
  waits!.end();
  await waitFor(() => bench.connection.isIdle, { what: 'the answer to be taken' });
  assert.ok(bench.connection.usedAtS >= beganS + 100, `${bench.connection.usedAtS - beganS} s`);
});
