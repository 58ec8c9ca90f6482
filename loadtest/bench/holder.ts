/**
 * Holds streams and counts what arrives: the client's side of the stream benchmarks, in a process of its own.
 *
 * Bare sockets, one request each; it counts frames by their end, the data `x` and the empty line, and keeps nothing else. Each 6,000 streams take a
 * source address of their own: an address has some 28,000 ports, of which Linux looks through a quarter first, one by one, for each
 * connection: beyond those 7,000 a connect takes a millisecond and more.
 */
import { connect, type Socket } from 'node:net';

export interface OpenOrder {
  readonly kind: 'open';
  readonly port: number;
  /** With `{channel}` for `room0`, `room1` … */
  readonly path: string;
  readonly streams: number;
  readonly channels: number;
  /** A cursor for each channel, sent as `Last-Event-ID`. */
  readonly cursors?: readonly string[];
  /** `Authorization` of the streams of this order, in turn. */
  readonly authorizations?: readonly string[];
}

export type HolderOrder = OpenOrder | { readonly kind: 'count' } | { readonly kind: 'close' };

export interface Counted {
  readonly kind: 'counted';
  readonly frames: number;
  /** Streams that were closed by the other side. */
  readonly closed: number;
  /** When the last bytes came, milliseconds since 1970. */
  readonly lastMs: number;
  readonly cpuS: number;
}

export type HolderAnswer =
  | { readonly kind: 'opened'; readonly seconds: number }
  | { readonly kind: 'failed'; readonly reason: string }
  | Counted
  | { readonly kind: 'closed' };

const STREAMS_PER_SOURCE = 6_000;
/** Every holder begins at a network of its own: ports that were just given back stay taken for a minute. */
const NETWORK = 1 + (process.pid % 250);
/** Connects under way at once: below any listen backlog. */
const OPENING_MAX = 500;
const MARK = Buffer.from('x\n\n');
const LF = 0x0a;
const OK = 'HTTP/1.1 200';

/** With how many bytes of `MARK` the last chunk of each ended: a frame may be cut anywhere. */
const sockets = new Map<Socket, number>();
let frames = 0;
let closed = 0;
let opened = 0;
let lastMs = 0;

function answer(message: HolderAnswer): void {
  process.send!(message);
}

async function openAll(order: OpenOrder): Promise<void> {
  const startedMs = performance.now();
  const last = opened + order.streams;
  const worker = async () => {
    while (opened < last) await open(order, opened++);
  };
  await Promise.all(Array.from({ length: OPENING_MAX }, worker));
  answer({ kind: 'opened', seconds: (performance.now() - startedMs) / 1000 });
}

/** Resolves with the first bytes of the answer. */
function open({ port, path, channels, cursors, authorizations = [] }: OpenOrder, index: number): Promise<void> {
  const authorization = authorizations[index % authorizations.length];
  const bearer = authorization === undefined ? '' : `Authorization: ${authorization}\r\n`;
  const channel = index % channels;
  const cursor = cursors === undefined ? '' : `Last-Event-ID: ${cursors[channel]}\r\n`;
  return new Promise((resolve, reject) => {
    const localAddress = `127.0.${NETWORK}.${2 + Math.floor(index / STREAMS_PER_SOURCE)}`;
    const socket = connect({ port, host: '127.0.0.1', localAddress });
    sockets.set(socket, 0);
    socket.on('error', reject);
    socket.on('close', () => {
      sockets.delete(socket);
      closed++;
    });
    socket.once('data', (head) => {
      if (head.toString('latin1', 0, OK.length) === OK) resolve();
      else reject(new Error(`a stream was answered ${head.toString('latin1', 0, 200)}`));
    });
    socket.on('data', count);
    const target = path.replace('{channel}', `room${channel}`);
    socket.write(`GET ${target} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n${bearer}${cursor}\r\n`);
  });
}

function count(this: Socket, bytes: Buffer): void {
  lastMs = Date.now();
  const before = sockets.get(this)!;
  const rest = MARK.length - before;
  const isRest = before > 0 && bytes[0] === LF && (rest === 1 || bytes[1] === LF);
  if (isRest) frames++;
  for (let at = bytes.indexOf(MARK); at >= 0; at = bytes.indexOf(MARK, at + MARK.length)) frames++;
  const after = markedAtEnd(bytes, before);
  if (after !== before) sockets.set(this, after);
}

function markedAtEnd(bytes: Buffer, before: number): number {
  const last = bytes.at(-1);
  if (last === MARK[0]) return 1;
  if (last !== LF) return 0;
  // A chunk of one LF goes on from the chunk before it.
  if (bytes.length === 1) return before === 1 ? 2 : 0;
  return bytes.at(-2) === MARK[0] ? 2 : 0;
}

process.on('message', (order: HolderOrder) => {
  if (order.kind === 'open') {
    openAll(order).catch((error: Error) => answer({ kind: 'failed', reason: error.message }));
  } else if (order.kind === 'count') {
    const { user, system } = process.cpuUsage();
    answer({ kind: 'counted', frames, closed, lastMs, cpuS: (user + system) / 1e6 });
  } else {
    for (const socket of sockets.keys()) socket.resetAndDestroy();
    answer({ kind: 'closed' });
  }
});
process.on('disconnect', () => process.exit(0));
