/** A server that closes: what still comes on its connections, and how long it waits for them. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { it } from 'node:test';
import { createBucket } from '../../src/bucket/routes.ts';
import { systemClock } from '../../src/clock.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { createMemoryEngine } from '../../src/engine/memory.ts';
import { createLogger } from '../../src/log.ts';
import { generousOptions } from '../contract/engine/kit.ts';
import { startHttpApp } from '../support/http-app.ts';
import { waitFor } from '../support/wait.ts';

const change = (body: string) => `POST /c/room HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

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
    createBucket({ engine, clock: systemClock, log, metrics, maxChangeBytes: 10 }).routes(app);
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
