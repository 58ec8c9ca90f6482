/**
 * How data is answered in JSON: kept by nobody, and taken for nothing else. All answers together have a weight.
 *
 * An answer is in memory until its client has taken it, and there may be thousands of clients: 64 KiB for each of them fit, not
 * 1 MiB. So once answers that nobody has taken weigh much, those that are made are short, and more of them are needed; at the
 * bound, connections that take nothing are closed, and where that is not enough, an answer is refused. What is small is sent
 * whatever the others weigh.
 */
import type { OutgoingHttpHeaders } from 'node:http';
import type { FastifyReply } from 'fastify';
import type { Clock } from '../../clock.ts';
import { Problem } from '../../errors.ts';
import { Progress } from '../../http/progress.ts';
import type { Metrics } from '../../metrics.ts';
import { createSlicePool, type SlicePool } from './slice-pool.ts';
import { bytesOf, type Slices } from './slices.ts';

const MIB = 1024 * 1024;
/** From here on answers are short. */
const TIGHT_BYTES = 64 * MIB;
/** What is not small is refused above it. */
const MAX_BYTES = 128 * MIB;
/** Of JSON in one answer of events, and one event more. */
const ANSWER_MAX_BYTES = MIB;
/** Also what is small: a connection's read buffer and parser weigh as much. */
const SHORT_BYTES = 64 * 1024;
/** Where memory is wanted, who has not taken a byte for so long is not waited for. */
const STALLED_MS = 1_000;
const LOOK_EVERY_MS = 100;

const head = { 'content-type': 'application/json', 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };

export interface JsonAnswersDeps {
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, 'connectionsCut' | 'unreadBytes'>;
}

export interface JsonAnswers {
  /** For the slices of a body that one client alone is sent. */
  readonly pool: SlicePool;
  /** What an answer of events that is made now may weigh, bytes; one event more is right. */
  readonly maxBytes: number;
  /** @throws {Problem} 503 when answers that nobody takes weigh too much for another that is not small. */
  admit(): void;
  /** @throws {Problem} As above. */
  send(reply: FastifyReply, body: Slices): FastifyReply;
}

interface Unread {
  readonly socket: FastifyReply['raw']['req']['socket'];
  readonly body: Slices;
  readonly progress: Progress;
}

export function createJsonAnswers({ clock, metrics }: JsonAnswersDeps): JsonAnswers {
  const pool = createSlicePool();
  const unread = new Set<Unread>();
  /** A body that many are sent is in memory once. */
  const readers = new Map<Slices, number>();
  let bytes = 0;
  let lookedMs = 0;

  function weigh(change: number): void {
    bytes += change;
    metrics.unreadBytes.set(bytes);
  }

  function enter(entry: Unread): void {
    const others = readers.get(entry.body) ?? 0;
    readers.set(entry.body, others + 1);
    unread.add(entry);
    if (others === 0) weigh(pool.heldBytes(entry.body));
  }

  function leave(entry: Unread): void {
    if (!unread.delete(entry)) return;
    const others = readers.get(entry.body)! - 1;
    if (others > 0) {
      readers.set(entry.body, others);
      return;
    }
    readers.delete(entry.body);
    weigh(-pool.heldBytes(entry.body));
  }

  /** Those that have been there longest first, until there is room. */
  function cutStalled(): void {
    const nowMs = clock.elapsedMs();
    if (nowMs - lookedMs < LOOK_EVERY_MS) return;
    lookedMs = nowMs;
    for (const entry of unread) {
      if (entry.progress.stalledMs(entry.socket, nowMs) < STALLED_MS || bytes < MAX_BYTES) continue;
      leave(entry);
      entry.socket.destroy();
      metrics.connectionsCut.inc({ reason: 'unread' });
    }
  }

  function admit(): void {
    if (bytes < TIGHT_BYTES) return;
    cutStalled();
    if (bytes >= MAX_BYTES) throw new Problem('overloaded', 'Too many answers wait to be read: come back later.');
  }

  return {
    pool,
    get maxBytes() {
      return bytes < TIGHT_BYTES ? ANSWER_MAX_BYTES : SHORT_BYTES;
    },
    admit,
    send(reply, body) {
      if (bytesOf(body) > SHORT_BYTES) {
        admit();
        const entry = { socket: reply.request.raw.socket, body, progress: new Progress() };
        enter(entry);
        let isTaken = false;
        // Node tells of the end also when the connection was cut before it.
        reply.raw.once('finish', () => {
          isTaken = !entry.socket.destroyed;
        });
        reply.raw.once('close', () => {
          leave(entry);
          if (isTaken) pool.giveBack(body);
        });
      }
      reply.headers(head);
      return body.length === 1 ? reply.send(body[0]) : sendSlices(reply, body);
    },
  };
}

function sendSlices(reply: FastifyReply, body: Slices): FastifyReply {
  const { raw } = reply.hijack();
  raw.writeHead(reply.statusCode, { ...reply.getHeaders(), 'content-length': bytesOf(body) } as OutgoingHttpHeaders);
  for (const slice of body) raw.write(slice);
  raw.end();
  return reply;
}
