/**
 * Holds streams and counts what arrives: the client's side of the stream benchmarks, in a process of its own.
 *
 * Bare sockets, one request each; it counts frames by their `data: x` line and keeps nothing. Each 12,000 streams take a
 * source address of their own: an address has only some 28,000 ports, and those just given back are not free at once.
 */
import { connect, type Socket } from 'node:net';

export type HolderOrder =
  | { readonly kind: 'open'; readonly port: number; readonly streams: number; readonly channels: number }
  | { readonly kind: 'count' }
  | { readonly kind: 'close' };

export type HolderAnswer =
  | { readonly kind: 'opened'; readonly seconds: number }
  | { readonly kind: 'counted'; readonly frames: number; readonly closed: number; readonly cpuS: number }
  | { readonly kind: 'closed' };

const STREAMS_PER_SOURCE = 12_000;
/** Every holder begins at a network of its own: ports that were just given back stay taken for a minute. */
const NETWORK = 1 + (process.pid % 250);
/** Connects under way at once: below any listen backlog. */
const OPENING_MAX = 500;
const MARK = Buffer.from('\ndata: x');

const sockets = new Set<Socket>();
let frames = 0;
let closed = 0;

function answer(message: HolderAnswer): void {
  process.send!(message);
}

let opened = 0;

async function openAll(port: number, streams: number, channels: number): Promise<void> {
  const startedMs = performance.now();
  const last = opened + streams;
  const worker = async () => {
    for (let i = opened++; i < last; i = opened++) await open(port, i, `room${i % channels}`);
    opened = Math.min(opened, last);
  };
  await Promise.all(Array.from({ length: OPENING_MAX }, worker));
  answer({ kind: 'opened', seconds: (performance.now() - startedMs) / 1000 });
}

/** Resolves with the first bytes of the answer. */
function open(port: number, index: number, channel: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const localAddress = `127.0.${NETWORK}.${2 + Math.floor(index / STREAMS_PER_SOURCE)}`;
    const socket = connect({ port, host: '127.0.0.1', localAddress });
    sockets.add(socket);
    socket.on('error', reject);
    socket.on('close', () => {
      sockets.delete(socket);
      closed++;
    });
    socket.once('data', () => resolve());
    socket.on('data', count);
    socket.write(`GET /c/${channel}/events HTTP/1.1\r\nHost: bench\r\nAccept: text/event-stream\r\n\r\n`);
  });
}

function count(bytes: Buffer): void {
  for (let at = bytes.indexOf(MARK); at >= 0; at = bytes.indexOf(MARK, at + MARK.length)) frames++;
}

process.on('message', (order: HolderOrder) => {
  if (order.kind === 'open') {
    void openAll(order.port, order.streams, order.channels);
  } else if (order.kind === 'count') {
    const { user, system } = process.cpuUsage();
    answer({ kind: 'counted', frames, closed, cpuS: (user + system) / 1e6 });
  } else {
    for (const socket of sockets) socket.resetAndDestroy();
    answer({ kind: 'closed' });
  }
});
process.on('disconnect', () => process.exit(0));
