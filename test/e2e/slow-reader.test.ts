/**
 * Slow readers: who does not take what comes costs the server a position, not memory; it goes on where it is, is told
 * `reset` where that is gone, and is closed when it takes nothing at all (P21).
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import type { Sync } from '../contract/protocol/kit.ts';
import { metricOf } from '../support/metric.ts';
import { type ServerProcess, startServer } from '../support/process.ts';
import { openSse } from '../support/sse.ts';
import { waitFor } from '../support/wait.ts';
import { createPublisher } from './publisher.ts';

const CHANGE_BYTES = 16 * 1024;
/** 20 MB: far more than the buffers of both sockets take. */
const CHANGES = 1_280;
const env = { MAX_CHANGE_BYTES: String(CHANGE_BYTES), RING_MAX_BYTES: String(4 << 20) };

const body = (seq: number) => `${seq} `.padEnd(CHANGE_BYTES, 'x');
const seqOf = (data: string) => Number(data.slice(0, data.indexOf(' ')));

const MERGED = 'smallchange_events_merged_total{outcome="event"}';

async function flood(server: ServerProcess, channel: string): Promise<void> {
  const before = await metricOf(server, MERGED);
  await using publisher = createPublisher(server.url, 4);
  for (let seq = 1; seq <= CHANGES; seq++) await publisher.deliver({ channel, from: 'p.1', seq, body: body(seq) });
  await waitFor(async () => (await metricOf(server, MERGED)) === before + CHANGES, { what: 'all to be merged' });
}

function residentBytes({ pid }: ServerProcess): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024;
}

/** A client that asks and then takes nothing. */
async function openDeaf(server: ServerProcess, channels: string): Promise<Socket> {
  const socket = connect(server.port, '127.0.0.1');
  socket.pause();
  await once(socket, 'connect');
  socket.on('error', () => {});
  socket.write(`GET /c/${channels}/events HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  return socket;
}

describe('a reader that does not take what comes', () => {
  it('gets all of it afterwards, as long as it is kept', async () => {
    await using server = await startServer({ env: { ...env, HISTORY_MAX_EVENTS: '2000' } });
    await using reader = await openSse(`${server.url}/c/room/events`);
    await reader.next();
    reader.pause();
    await flood(server, 'room');
    reader.resume();
    const frames = await reader.take(CHANGES, 30_000);
    assert.deepEqual(
      frames.map(({ event, data }) => (event === 'message' ? seqOf(data!) : event)),
      Array.from({ length: CHANGES }, (_, i) => i + 1),
    );
  });

  it('is told reset where it is not, and goes on after it', async () => {
    await using server = await startServer({ env: { ...env, HISTORY_MAX_EVENTS: '50' } });
    await using reader = await openSse(`${server.url}/c/room/events`);
    await reader.next();
    reader.pause();
    await flood(server, 'room');
    reader.resume();
    let seq = 0;
    const reset = await reader.next((frame) => {
      if (frame.event === 'message' && frame.data !== undefined) assert.equal(seqOf(frame.data), ++seq);
      return frame.event === '$sync';
    }, 30_000);
    assert.equal((JSON.parse(reset.data!) as Sync).status, 'reset');
    assert.ok(seq < CHANGES);
    const snapshot = await reader.next();
    assert.equal(snapshot.event, '$snapshot');
    assert.ok(snapshot.id);
    await using publisher = createPublisher(server.url, 1);
    await publisher.deliver({ channel: 'room', from: 'p.1', seq: CHANGES + 1, body: body(CHANGES + 1) });
    let last = 0;
    await reader.next(({ data }) => {
      if (data === undefined) return false;
      assert.ok(last === 0 || seqOf(data) === last + 1, 'no hole behind the reset');
      last = seqOf(data);
      return last === CHANGES + 1;
    });
  });

  it('costs no memory: forty of them, in twenty audiences', async () => {
    await using server = await startServer({ env: { ...env, HISTORY_MAX_EVENTS: '50' } });
    await flood(server, 'nobody-listens');
    const before = residentBytes(server);
    const deaf = await Promise.all(
      Array.from({ length: 40 }, (_, i) => openDeaf(server, i < 20 ? 'room' : `room,other-${i}`)),
    );
    await waitFor(async () => (await metricOf(server, 'smallchange_streams')) === 40, { what: 'forty streams' });
    await flood(server, 'room');
    const grownMib = (residentBytes(server) - before) / 2 ** 20;
    // Kept for them it would be 20 MB for each audience: 400.
    assert.ok(grownMib < 120, `${grownMib} MiB`);
    for (const socket of deaf) socket.destroy();
    await waitFor(async () => (await metricOf(server, 'smallchange_streams')) === 0, { what: 'all to have gone' });
  });

  it('is closed when it takes nothing for STREAM_STALL_MS, and comes back with its cursor; others are not', async () => {
    const limits = { HISTORY_MAX_EVENTS: '2000', STREAM_STALL_MS: '1000', HEARTBEAT_MS: '300' };
    await using server = await startServer({ env: { ...env, ...limits } });
    await using idle = await openSse(`${server.url}/c/silent/events`);
    await using taking = await openSse(`${server.url}/c/room/events`);
    await using stuck = await openSse(`${server.url}/c/room/events`);
    await stuck.next();
    await taking.next();
    stuck.pause();
    await flood(server, 'room');
    const stalled = 'smallchange_streams_ended_total{reason="stalled"}';
    await waitFor(async () => (await metricOf(server, stalled)) === 1, {
      what: 'the end of the stuck one',
      timeoutMs: 30_000,
    });
    assert.equal(await metricOf(server, 'smallchange_streams'), 2);
    assert.equal(idle.isEnded || taking.isEnded, false);
    assert.equal((await taking.take(CHANGES, 30_000)).length, CHANGES);
    // What was on its way when it was closed may still come, or may not.
    stuck.resume();
    await stuck.ended;
    const got = stuck.frames.flatMap(({ event, data }) => (event === 'message' && data !== undefined ? [data] : []));
    assert.ok(got.length < CHANGES);
    await using again = await openSse(`${server.url}/c/room/events`, {
      headers: { 'Last-Event-ID': stuck.lastEventId },
    });
    assert.equal((JSON.parse((await again.next()).data!) as Sync).status, 'resumed');
    for (const { data } of await again.take(CHANGES - got.length, 30_000)) got.push(data!);
    assert.deepEqual(
      got.map(seqOf),
      Array.from({ length: CHANGES }, (_, i) => i + 1),
    );
  });
});
