/**
 * Visits: every stream has its turn again and again. Is it stuck, is it old, does it need a sign of life?
 *
 * A stream is never silent for longer than it was told itself (P10), whoever else has come since. It is looked at as often
 * as the smallest of the times that it is measured by asks for.
 */
import type { Clock } from '../../clock.ts';
import type { Stream } from './stream.ts';
import { createWheel } from './wheel.ts';

export interface VisitTimes {
  /** How long a stream may be silent; longer where there are very many. */
  readonly heartbeatMs: number;
  /** How long a connection may take nothing of what waits for it. */
  readonly streamStallMs: number;
  /** At about which age a stream is asked to come back; 0: never. */
  readonly streamMaxAgeMs: number;
}

export interface VisitsDeps extends VisitTimes {
  readonly clock: Clock;
  readonly stalled: (stream: Stream) => void;
  /** Its deadline has come: it is ended, or given another one. @returns Whether it goes on. */
  readonly due: (stream: Stream) => boolean;
  /** Something of one stream went wrong; it is not visited any more. */
  readonly failed: (stream: Stream, error: unknown) => void;
}

export interface Visits {
  add(stream: Stream): void;
  close(): void;
}

/** Heartbeats a gateway sends per second: with more streams they come further apart (P10). */
const HEARTBEATS_PER_SECOND = 1000;
/**
 * Further apart they are not, unless HEARTBEAT_MS itself is larger: proxies cut what is silent for 60 s, and some clients
 * give up after 45 s. Above 40,000 streams it costs more than a thousand a second: 25,000 with 1,000,000 streams, a fifth
 * of a core for each 25,000 of them that are held.
 */
const HEARTBEAT_CAP_MS = 40_000;
/** However long heartbeats are apart, a connection is looked at this often. */
const VISIT_MAX_MS = 10_000;
const TICK_MIN_MS = 20;
/** Two of them, and a turn of the event loop that is late, are less than the 2 s by which a stream may outlive its token (P32). */
const TICK_MAX_MS = 500;
/** Ticks in the smallest time that is measured: by two of them it may be late. */
const TICKS = 4;

/** What a stream that begins now is told. */
export function heartbeatMsFor(streams: number, heartbeatMs: number): number {
  const pacedMs = Math.min(HEARTBEAT_CAP_MS, Math.round((streams / HEARTBEATS_PER_SECOND) * 1000));
  return Math.max(heartbeatMs, pacedMs);
}

export function createVisits(deps: VisitsDeps): Visits {
  const { clock, heartbeatMs, streamStallMs, streamMaxAgeMs } = deps;
  const leastMs = Math.min(heartbeatMs, streamStallMs, streamMaxAgeMs || heartbeatMs);
  const tickMs = Math.min(TICK_MAX_MS, Math.max(TICK_MIN_MS, leastMs / TICKS));
  // A stall is seen at one visit and over at a later one.
  const visitMs = Math.min(heartbeatMs, VISIT_MAX_MS, Math.max(TICK_MIN_MS, streamStallMs / 2));
  const wheel = createWheel<Stream>(tickMs, Math.ceil(visitMs / tickMs) + 3, visit);

  function visit(stream: Stream): void {
    try {
      look(stream);
    } catch (error) {
      deps.failed(stream, error);
    }
  }

  function look(stream: Stream): void {
    if (stream.isClosed) return;
    const nowMs = clock.elapsedMs();
    if (!stream.transport.isStalled()) {
      stream.stalledMs = 0;
    } else if (stream.stalledMs === 0) {
      stream.stalledMs = nowMs;
    } else if (nowMs - stream.stalledMs >= streamStallMs) {
      deps.stalled(stream);
      return;
    }
    if (stream.leavesMs > 0 && nowMs >= stream.leavesMs && !deps.due(stream)) return;
    const everyMs = stream.heartbeatMs;
    if (nowMs - stream.writtenMs >= everyMs && !stream.transport.isFull) {
      stream.write(stream.audience.format.heartbeat, nowMs);
    }
    wheel.add(stream, nextMs(stream, nowMs));
  }

  /** From now: whatever is due first. */
  function nextMs({ writtenMs, heartbeatMs: everyMs, leavesMs }: Stream, nowMs: number): number {
    const nextMs = Math.min(visitMs, Math.max(0, writtenMs + everyMs - nowMs));
    return leavesMs > 0 ? Math.min(nextMs, Math.max(0, leavesMs - nowMs)) : nextMs;
  }

  return {
    add: (stream) => wheel.add(stream, nextMs(stream, clock.elapsedMs())),
    close: () => wheel.close(),
  };
}
