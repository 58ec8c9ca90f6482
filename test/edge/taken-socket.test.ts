/** A stream's socket is taken from Node's HTTP layer; what is pipelined behind the stream must not reach that layer any more. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from '../support/http.ts';
import { startServer } from '../support/process.ts';

/** What libuv reads from a socket at once: the request behind the stream is parsed in the turn in which the socket is taken. */
const READ_BYTES = 65_536;
/** Some of what is in front has a length that depends on the number in it. */
const AROUND = 8;
/** Long enough for what was sent to be read, short enough for all of them. */
const PAUSE_MS = 10;

it('a stream that ends with a read, and changes behind it, do not end the server', async () => {
  await using server = await startServer();
  const stream = 'GET /c/room/events HTTP/1.1\r\nHost: localhost\r\n\r\n';
  const change = 'POST /c/room HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx';
  // Too large, so it is answered before it was read: the stream behind it is the next to be served.
  const front = (bytes: number) =>
    `POST /c/room HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${bytes}\r\n\r\n${'y'.repeat(bytes)}`;
  const fitting = READ_BYTES - stream.length - front(0).length - 4;
  for (let bytes = fitting - AROUND; bytes <= fitting + AROUND; bytes++) {
    const socket = connect(server.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(front(bytes) + stream + change + change);
    await sleep(PAUSE_MS);
    socket.destroy();
  }
  assert.equal((await request(server.url, '/healthz')).status, 200);
});
