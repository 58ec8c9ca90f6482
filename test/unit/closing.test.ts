/** A server that closes: what still comes on its connections, and how long it waits for them. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { it } from 'node:test';
import { anonymousAccess } from '../../src/access/anonymous.ts';
import { createBucket } from '../../src/bucket/routes.ts';
import { systemClock } from '../../src/clock.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { createMemoryEngine } from '../../src/engine/memory/engine.ts';
import { createServer, listen } from '../../src/http/server.ts';
import { createLogger } from '../../src/log.ts';
import { createMetrics } from '../../src/metrics.ts';
import { generousOptions } from '../contract/engine/kit.ts';
import { startHttpApp } from '../support/http-app.ts';
import { waitFor } from '../support/wait.ts';

const change = (body: string) =>
  `POST /c/room HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

/** A bucket whose store answers when it is let, and which says when it has begun to close. */
async function startBucket() {
  const memory = createMemoryEngine({ ...generousOptions, shards: 1 });
  let letThrough = () => {};
  const isLet = new Promise<void>((resolve) => {
    letThrough = resolve;
  });
  let appends = 0;
  const engine: Engine = {
    ...memory,
    async append(changes) {
      appends++;
      await isLet;
      return memory.append(changes);
    },
  };
  const state = { isClosing: false };
  const http = await startHttpApp((app, metrics) => {
    const log = createLogger({ logLevel: 'silent' });
    createBucket({
      access: anonymousAccess,
      engine,
      clock: systemClock,
      log,
      metrics,
      maxChangeBytes: 10,
      batchMaxChanges: 3,
      batchMaxBytes: 30,
    }).routes(app);
    app.addHook('preClose', (done) => {
      state.isClosing = true;
      done();
    });
  });
  return {
    http,
    answer: () => letThrough(),
    isAsked: () => waitFor(() => appends > 0, { what: 'the store to be asked' }),
    isClosing: () => waitFor(() => state.isClosing, { what: 'it to begin to close' }),
    async [Symbol.asyncDispose]() {
      letThrough();
      await http[Symbol.asyncDispose]();
      await memory.close();
    },
  };
}

function open(port: number) {
  const socket = connect(port, '127.0.0.1');
  const client = { socket, text: '', isClosed: false };
  socket.on('data', (chunk: Buffer) => {
    client.text += chunk.toString('latin1');
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    client.isClosed = true;
  });
  return client;
}

it('serves who comes on a connection that was busy, and ends that with the answer', async () => {
  await using bucket = await startBucket();
  const client = open(bucket.http.port);
  client.socket.write(change('a'));
  await bucket.isAsked();
  const closed = bucket.http.app.close();
  await bucket.isClosing();
  bucket.answer();
  await waitFor(() => client.text.endsWith('\r\n\r\n'), { what: 'the first answer' });
  client.text = '';
  client.socket.write(change('b'));
  await waitFor(() => client.isClosed, { what: 'the connection to be closed' });
  assert.match(client.text, /^HTTP\/1\.1 204 No Content\r\n/);
  assert.match(client.text, /\r\nConnection: close\r\n/i);
  await closed;
});

it('does not wait for ever for who sent half a request, nor for who gets no answer', async () => {
  const log = createLogger({ logLevel: 'silent' });
  let taken = 0;
  const app = await createServer({
    access: anonymousAccess,
    config: {
      maxChangeBytes: 10,
      streamStallMs: 30_000,
      maxConnections: 1_000,
      corsOrigins: null,
      loopbackOnly: true,
      publicHosts: null,
      trustProxy: [],
    },
    ...{ log, metrics: createMetrics(), closeMs: 100 },
    plainly: () => {
      taken++;
      return true;
    },
  });
  let requests = 0;
  app.server.on('request', () => requests++);
  const port = await listen(app, { host: '127.0.0.1', port: 0 });
  const [half, owed] = [open(port), open(port)];
  owed.socket.write(change('a'));
  half.socket.write(change('ab').slice(0, -1));
  await waitFor(() => taken + requests === 2, { what: 'both to be there' });
  let isClosed = false;
  const closed = app.close().then(() => {
    isClosed = true;
  });
  try {
    await waitFor(() => isClosed, { what: 'the server to be closed' });
    assert.deepEqual([half.text, owed.text], ['', '']);
  } finally {
    half.socket.destroy();
    owed.socket.destroy();
    await closed;
  }
});
