/** Descriptors run short: a process comes back to its store all the same, and serves who is honest. */
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { it } from 'node:test';
import { request } from '../support/http.ts';
import { startServer } from '../support/process.ts';
import { startRedis } from '../support/redis-server.ts';
import { waitFor } from '../support/wait.ts';

const DESCRIPTORS = 256;
/** More than there are descriptors. */
const KNOCKERS = 300;
/** Between two tries of one of them. */
const KNOCK_MS = 200;
/** For a process that has to find its store among so many, on a machine that does other things. */
const PATIENCE_MS = 30_000;

const post = 'POST /c/room HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx';

/** Clients that send one change each, stay, and come back whenever they are closed. */
function knock(port: number) {
  const sockets = new Set<Socket>();
  const seen = { tried: 0, isOver: false };
  const open = () => {
    if (seen.isOver) return;
    seen.tried++;
    const socket = connect(port, '127.0.0.1');
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('connect', () => socket.write(post));
    socket.resume();
    socket.on('close', () => {
      sockets.delete(socket);
      setTimeout(open, KNOCK_MS).unref();
    });
  };
  for (let i = 0; i < KNOCKERS; i++) open();
  return {
    seen,
    [Symbol.dispose]() {
      seen.isOver = true;
      for (const socket of sockets) socket.destroy();
    },
  };
}

it('a process comes back to a Redis that was restarted, while clients keep knocking', async () => {
  await using redis = await startRedis();
  await using server = await startServer({ env: { REDIS_URL: redis.url }, descriptors: DESCRIPTORS });
  const isAccepted = async () => {
    const answer = await request(server.url, '/c/room', { method: 'POST', body: 'y' }).catch(() => null);
    return answer?.status === 204;
  };
  const waiting = { timeoutMs: PATIENCE_MS, everyMs: 50 };
  {
    using clients = knock(server.port);
    await waitFor(() => clients.seen.tried > 2 * KNOCKERS, { ...waiting, what: 'all to have tried' });
    await waitFor(isAccepted, { ...waiting, what: 'an honest change to be accepted' });
    await redis.restart();
    await waitFor(isAccepted, { ...waiting, what: 'a change to be accepted after the restart' });
    const stream = await fetch(`${server.url}/c/room/events`, { headers: { accept: 'text/event-stream' } });
    assert.equal(stream.status, 200);
    await stream.body?.cancel();
  }
  const told = () => server.logged.map(({ msg }) => String(msg)).filter((msg) => msg.includes('room for connections'));
  await waitFor(() => told().at(-1)?.includes('again'), { ...waiting, what: 'the log to say that it is over' });
  assert.equal(told().length, 2, told().join('\n'));
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  assert.match(metrics, /smallchange_connections_cut_total\{reason="room"\} [1-9]/);
});
