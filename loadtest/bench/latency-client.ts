/**
 * The clients of the benchmark of latency, in one process so that all moments are of one clock: publishers that send on a
 * schedule, whatever the answers do, and a stream on each channel.
 *
 * A change carries its number, and the event brings it back. Every POST takes a connection that is free, or opens another:
 * no POST ever waits here for an answer to one before. The schedule is kept by a thread that sleeps to a fraction of a
 * millisecond; timers of the event loop know whole ones only.
 */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { quantile } from '../measures/quantile.ts';

export interface LatencyLoad {
  readonly postPort: number;
  readonly streamPort: number;
  readonly channels: number;
  /** Changes a second. */
  readonly rate: number;
  readonly warmUpS: number;
  readonly seconds: number;
  /** Of each request, where tokens are asked for. */
  readonly authorization?: string;
}

export interface Quantiles {
  readonly p50: number;
  readonly p99: number;
}

/** Milliseconds from the moment a change was sent; `scheduled`: from when it was due. */
export interface LatencyResult {
  readonly post: Quantiles;
  readonly sse: Quantiles;
  readonly postScheduled: Quantiles;
  readonly sseScheduled: Quantiles;
  /** Changes without an answer of 204, or without an event. */
  readonly lost: number;
  readonly cpuShare: number;
}

/** How long what is still on its way at the end is waited for. */
const LAST_MS = 3000;
const OPENED_TOGETHER = 100;
const HEAD_END = '\r\n\r\n';

const load = JSON.parse(process.argv[2]!) as LatencyLoad;
const total = load.rate * (load.warmUpS + load.seconds);
const everyMs = 1000 / load.rate;
const credentials = load.authorization === undefined ? '' : `Authorization: ${load.authorization}\r\n`;
const sentMs = new Float64Array(total);
const answeredMs = new Float64Array(total);
const receivedMs = new Float64Array(total);
const free: Publisher[] = [];

interface Publisher {
  readonly socket: Socket;
  change: number;
  answer: string;
}

function openPublisher(): Publisher {
  const socket = connect({ port: load.postPort, host: '127.0.0.1', noDelay: true });
  const publisher: Publisher = { socket, change: 0, answer: '' };
  socket.on('data', (bytes) => {
    publisher.answer += bytes.toString('latin1');
    if (!publisher.answer.includes(HEAD_END)) return;
    if (publisher.answer.startsWith('HTTP/1.1 204')) answeredMs[publisher.change] = performance.now();
    publisher.answer = '';
    free.push(publisher);
  });
  // What it had sent is counted as lost.
  socket.on('error', () => socket.destroy());
  return publisher;
}

function post(change: number): void {
  const publisher = free.pop() ?? openPublisher();
  publisher.change = change;
  const body = String(change);
  const path = `/c/room${change % load.channels}`;
  sentMs[change] = performance.now();
  publisher.socket.write(
    `POST ${path} HTTP/1.1\r\nHost: localhost\r\n${credentials}Content-Length: ${body.length}\r\n\r\n${body}`,
  );
}

function openStream(channel: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: load.streamPort, host: '127.0.0.1' });
    let rest = '';
    socket.once('data', () => resolve(socket));
    socket.on('error', reject);
    socket.on('data', (bytes) => {
      const nowMs = performance.now();
      const text = rest + bytes.toString('latin1');
      const end = text.lastIndexOf('\n\n') + 1;
      rest = text.slice(end);
      for (const [, change] of text.slice(0, end).matchAll(/^data: (\d+)$/gm)) receivedMs[Number(change)] = nowMs;
    });
    const fields = `Host: localhost\r\n${credentials}Accept: text/event-stream\r\n`;
    socket.write(`GET /c/room${channel}/events HTTP/1.1\r\n${fields}\r\n`);
  });
}

/** Sleeps until each change is due and says so. `Atomics.wait` on a value that never changes is the sleep. */
const clockwork = `
  const { parentPort, workerData: { total, everyMs } } = require('node:worker_threads');
  const never = new Int32Array(new SharedArrayBuffer(4));
  const startMs = performance.now();
  for (let due = 0; due < total; due++) {
    const waitMs = startMs + due * everyMs - performance.now();
    if (waitMs > 0) Atomics.wait(never, 0, 0, waitMs);
    parentPort.postMessage(due);
  }
`;

/** Sends all changes when they are due. @returns When the first one was. */
function publishAll(): Promise<number> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(clockwork, { eval: true, execArgv: [], workerData: { total, everyMs } });
    let startMs = Number.POSITIVE_INFINITY;
    worker.on('message', (change: number) => {
      // The message of one that was due came late by what this process could not help; the earliest tells the start.
      startMs = Math.min(startMs, performance.now() - change * everyMs);
      post(change);
    });
    worker.once('error', reject);
    worker.once('exit', () => resolve(startMs));
  });
}

function quantilesOf(from: (change: number) => number, until: Float64Array): Quantiles {
  const tookMs: number[] = [];
  for (let i = load.rate * load.warmUpS; i < total; i++) if (until[i]! > 0) tookMs.push(until[i]! - from(i));
  return { p50: quantile(tookMs, 0.5), p99: quantile(tookMs, 0.99) };
}

for (let i = 0; i < load.channels; i += OPENED_TOGETHER) {
  const some = Math.min(OPENED_TOGETHER, load.channels - i);
  await Promise.all(Array.from({ length: some }, (_, j) => openStream(i + j)));
}
const before = { cpu: process.cpuUsage(), ms: performance.now() };
const startMs = await publishAll();
const { user, system } = process.cpuUsage(before.cpu);
const cpuShare = (user + system) / 1000 / (performance.now() - before.ms);
const lost = () => [answeredMs, receivedMs].reduce((sum, at) => sum + at.reduce((n, ms) => n + (ms > 0 ? 0 : 1), 0), 0);
for (let waitedMs = 0; lost() > 0 && waitedMs < LAST_MS; waitedMs += 100) await sleep(100);
const scheduled = (change: number) => startMs + change * everyMs;
const sent = (change: number) => sentMs[change]!;
const result: LatencyResult = {
  post: quantilesOf(sent, answeredMs),
  sse: quantilesOf(sent, receivedMs),
  postScheduled: quantilesOf(scheduled, answeredMs),
  sseScheduled: quantilesOf(scheduled, receivedMs),
  lost: lost(),
  cpuShare,
};
console.log(JSON.stringify(result));
process.exit(0);
