/** How many connections a turn closes when many clients leave in one moment, and that all of them are closed. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { paceCloses } from '../../src/http/closes.ts';
import { startHttpApp } from '../support/http-app.ts';
import { waitFor } from '../support/wait.ts';
import { RawConnection } from '../weight/sockets.ts';

const CLOSED_PER_TURN = 64;
/** Where the end of one turn and the beginning of the next are seen together. */
const SEEN_AT_ONCE = 2 * CLOSED_PER_TURN;
const CONNECTIONS = 500;

/** @returns The most that had their `close` between two turns. */
async function mostClosed(sockets: readonly Socket[]): Promise<number> {
  let closed = 0;
  for (const socket of sockets) socket.once('close', () => closed++);
  let most = 0;
  for (let last = 0; closed < sockets.length; last = closed) {
    await nextTurn();
    most = Math.max(most, closed - last);
  }
  return most;
}

for (const [how, leave] of [
  ['close', (socket: Socket) => socket.end()],
  ['reset', (socket: Socket) => socket.resetAndDestroy()],
] as const) {
  it(`when all clients ${how} at once, few are closed in a turn, and all in the end`, async () => {
    await using http = await startHttpApp((_app: FastifyInstance) => {});
    const sockets: Socket[] = [];
    http.app.server.on('connection', (socket: Socket) => sockets.push(socket));
    const clients = Array.from({ length: CONNECTIONS }, () => new RawConnection(http.url, { onAnswer() {} }));
    await waitFor(() => sockets.length === CONNECTIONS, { what: 'all to be accepted' });
    for (const { socket } of clients) leave(socket);
    const most = await mostClosed(sockets);
    assert.ok(most <= SEEN_AT_ONCE, `${most} in a turn`);
    for (const { socket } of clients) socket.destroy();
  });
}

it('who is destroyed while many wait counts as destroyed at once, and its server ends when all are closed', async () => {
  const server = createServer();
  paceCloses(server);
  const sockets: Socket[] = [];
  server.on('connection', (socket) => sockets.push(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const clients = Array.from({ length: 3 * CLOSED_PER_TURN }, () => new RawConnection(`http://127.0.0.1:${port}`, {}));
  await waitFor(() => sockets.length === clients.length, { what: 'all to be accepted' });
  const closed = mostClosed(sockets);
  for (const socket of sockets) socket.destroy();
  assert.ok(sockets.every(({ destroyed }) => destroyed));
  server.close();
  assert.ok((await closed) <= SEEN_AT_ONCE, 'in a turn');
  if (server.listening) await once(server, 'close');
  await waitFor(() => clients.every(({ isClosed }) => isClosed), { what: 'all clients to see their end' });
});
