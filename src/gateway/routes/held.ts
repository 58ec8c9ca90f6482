/**
 * Held refusals: a polite answer (P20) is told at once and ended a little later, so that a client that takes an answer's end as a
 * reason to come back at once, whatever `retry:` says, asks less than once a second. One that waits by itself waits as much longer.
 *
 * Each holds a connection and nothing else, so there are so many at most; where more are refused, the oldest end before their time.
 */
import type { FastifyReply } from 'fastify';
import type { Clock } from '../../clock.ts';

/** More than a second, with which a browser's clock and ours may begin at different ends of a slow connection. */
export const HOLD_MS = 1_500;
/** Some 10 KiB each. */
const HELD_MAX = 1_000;
/** So much of the connections that are no streams may be held; the others are for POSTs and polls. */
const PART_OF_OTHERS = 1 / 4;

export interface Held {
  /** Answers, and ends it in its time. */
  answer(reply: FastifyReply, head: Readonly<Record<string, string>>, frame: string): FastifyReply;
  /** Ends all of them. From now on none is held. */
  close(): void;
}

export interface HeldDeps {
  readonly clock: Clock;
  readonly maxConnections: number;
  readonly maxStreams: number;
}

type Response = FastifyReply['raw'];

export function createHeld({ clock, maxConnections, maxStreams }: HeldDeps): Held {
  const max = Math.min(HELD_MAX, Math.floor((maxConnections - maxStreams) * PART_OF_OTHERS));
  /** Until when, by the elapsed clock; the oldest first. */
  const held = new Map<Response, number>();
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;

  function end(response: Response): void {
    held.delete(response);
    response.end();
  }

  function endDue(): void {
    timer = undefined;
    const nowMs = clock.elapsedMs();
    for (const [response, untilMs] of held) {
      if (untilMs > nowMs) {
        endLater(untilMs - nowMs);
        return;
      }
      end(response);
    }
  }

  function endLater(ms: number): void {
    timer ??= setTimeout(endDue, Math.ceil(ms)).unref();
  }

  return {
    answer(reply, head, frame) {
      const { raw } = reply.headers({ ...head, connection: 'close' });
      // Pipelined behind another answer it would hold that one's connection, and not begin before.
      if (isClosed || max === 0 || raw.socket === null) return reply.send(frame);
      reply.hijack();
      raw.writeHead(200, reply.getHeaders() as Record<string, string>);
      raw.write(frame);
      raw.once('close', () => held.delete(raw));
      held.set(raw, clock.elapsedMs() + HOLD_MS);
      if (held.size > max) end(held.keys().next().value!);
      endLater(HOLD_MS);
      return reply;
    },
    close() {
      isClosed = true;
      clearTimeout(timer);
      for (const response of held.keys()) end(response);
    },
  };
}
