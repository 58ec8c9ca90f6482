/** A socket that becomes a stream takes nothing of the HTTP layer along: a stream is to cost a socket and little more. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { it } from 'node:test';
import { takeSocket } from '../../src/gateway/connection/bare-socket.ts';
import { openConnections, TAKEN } from '../../src/http/connections.ts';
import { createPace } from '../../src/http/pace.ts';
import { createMetrics } from '../../src/metrics.ts';

it('a connection is forgotten the moment its socket is taken, not with the next look', async () => {
  const server = createServer();
  const connections = openConnections(server, { stallMs: 60_000, pace: createPace(), metrics: createMetrics() });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  try {
    const [socket] = await once(server, 'connection');
    assert.equal([...connections].length, 1);
    socket.emit(TAKEN);
    assert.equal([...connections].length, 0);
  } finally {
    client.destroy();
    server.close();
    await once(server, 'close');
  }
});

it('nothing that V8 may keep of a socket, nor the socket itself, holds what listened to it or its timer', async () => {
  const server = createServer({ keepAliveTimeout: 1000 });
  const requested = once(server, 'request');
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  try {
    const [, response] = (await requested) as [unknown, ServerResponse];
    const socket = response.socket as Listening;
    socket.setTimeout(1000);
    const table = socket._events;
    const listened: unknown[] = Object.values(table).filter((one) => one !== undefined);
    assert.ok(listened.length > 5, 'the HTTP layer listens to much');
    assert.equal(await takeSocket(response), socket);
    for (const left of Object.values(table)) assert.ok(!listened.includes(left), String(left));
    assert.notEqual(socket._events, table);
    const timers = Object.getOwnPropertySymbols(socket).filter(({ description }) => description === 'timeout');
    assert.deepEqual(
      timers.map((timer) => socket[timer]),
      [null],
    );
  } finally {
    client.destroy();
    server.closeAllConnections();
    server.close();
  }
});

interface Listening extends Socket {
  readonly _events: Record<string, unknown>;
  readonly [field: symbol]: unknown;
}
