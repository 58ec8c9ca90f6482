/**
 * All streams of a gateway, from the first frame to the last: opening, keeping alive, catching up, ending.
 *
 * A stream holds one member's place in its audience for as long as it lives; whatever ends it, gives that back once.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyReply } from 'fastify';
import type { Clock } from '../../clock.ts';
import type { Engine } from '../../engine/engine.ts';
import type { Logger } from '../../log.ts';
import type { Metrics } from '../../metrics.ts';
import type { Audience } from '../audience/audience.ts';
import type { Audiences, AudienceWish } from '../audience/audiences.ts';
import { catchUp } from '../audience/catchup.ts';
import { openTransport, streamHead } from '../connection/open.ts';
import type { Transport } from '../connection/transport.ts';
import { createGate } from './gate.ts';
import { type ChannelStart, findStart, type StartWish } from './start.ts';
import { type EndReason, type Goodbye, Stream, type StreamOwner } from './stream.ts';
import { syncFrames } from './sync.ts';
import { createWheel } from './wheel.ts';

export interface StreamsDeps {
  readonly engine: Engine;
  readonly audiences: Audiences;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** How long a stream may be silent; longer where there are very many. */
  readonly heartbeatMs: number;
  /** Unsent bytes above which a connection is not written to. */
  readonly streamBufferBytes: number;
  /** How long a connection may take nothing of what waits for it. */
  readonly streamStallMs: number;
  /** At about which age a stream is asked to come back; 0: never. */
  readonly streamMaxAgeMs: number;
}

export interface Streams {
  /** How many are open or being opened. */
  readonly size: number;
  /** How many wait for being opened. */
  readonly waiting: number;
  /** Begins the response and resolves; the stream goes on by itself. Rejects before the response has begun. */
  open(wish: AudienceWish & StartWish, reply: FastifyReply): Promise<void>;
  /** For which time a client should wait before it comes back, milliseconds: its own, so that not all come at once. */
  retryMs(): number;
  /** Asks so many, the oldest, to come back, each at a random moment within the window. */
  shed(count: number, windowMs: number): void;
  /** Ends every stream at a random moment within the window, saying goodbye; those that are being opened as soon as they are. */
  drain(windowMs: number): Promise<void>;
  close(): void;
}

/** The least a client waits before it comes back: browsers' own default is 2 to 5 s. */
const RETRY_MIN_MS = 2000;
/** Streams that may come back per second: what a gateway opens without anybody noticing. */
const RETURNS_PER_SECOND = 500;
/** Heartbeats a gateway sends per second: with more streams they come further apart (P10). */
const HEARTBEATS_PER_SECOND = 1000;
/** However long heartbeats are apart, a stalled connection is looked at this often. */
const VISIT_MAX_MS = 10_000;
/** How long after its window a drain waits for streams that are still being opened: longer than that takes with a store that answers. */
const DRAIN_OPENING_MS = 5000;
/** A portion of what a stream has missed is as large as its buffer, but not so small that a few events are many writes. */
const PORTION_MIN_BYTES = 16 << 10;
/** Between two tries to catch up while the engine is away. */
const CATCH_UP_RETRY_MS = 500;

export function createStreams(deps: StreamsDeps): Streams {
  const { audiences, clock, log, metrics } = deps;
  const streams = new Set<Stream>();
  let opening = 0;
  let isDraining = false;
  const lastClosed: (() => void)[] = [];
  const gate = createGate();
  const tickMs = Math.min(1000, Math.max(20, deps.heartbeatMs / 4));
  const portionBytes = Math.max(PORTION_MIN_BYTES, deps.streamBufferBytes);
  const visitMs = Math.min(deps.heartbeatMs, VISIT_MAX_MS);
  const wheel = createWheel<Stream>(tickMs, Math.ceil(visitMs / tickMs) + 3, visit);

  const owner: StreamOwner = { catchUp: (stream) => void bringUp(stream), closed };

  async function bringUp(stream: Stream): Promise<void> {
    while (!stream.isClosed) {
      try {
        return await catchUp(stream, { clock, metrics, heartbeatMs: heartbeatMs(), portionBytes });
      } catch (error) {
        log.debug({ err: error }, 'a stream cannot catch up: trying again');
        await sleep(CATCH_UP_RETRY_MS);
      }
    }
  }

  /** A stream's turn on the wheel: is it stuck, does it need a sign of life, when is its next turn? */
  function visit(stream: Stream): void {
    if (stream.isClosed) return;
    const nowMs = clock.elapsedMs();
    if (!stream.transport.isStalled()) {
      stream.stalledMs = 0;
    } else if (stream.stalledMs === 0) {
      stream.stalledMs = nowMs;
    } else if (nowMs - stream.stalledMs >= deps.streamStallMs) {
      end(stream, 'stalled');
      return;
    }
    if (stream.leavesMs > 0 && nowMs >= stream.leavesMs) {
      sayGoodbye(stream, 'age');
      return;
    }
    const everyMs = heartbeatMs();
    if (nowMs - stream.writtenMs >= everyMs && !stream.transport.isFull) {
      stream.write(stream.audience.format.heartbeat, nowMs);
    }
    wheel.add(stream, Math.min(visitMs, Math.max(0, stream.writtenMs + everyMs - nowMs)));
  }

  function end(stream: Stream, reason: EndReason, lastWords = ''): void {
    if (stream.isClosed) return;
    stream.endReason = reason;
    stream.detach();
    if (reason === 'stalled') stream.transport.destroy();
    else stream.transport.end(lastWords);
  }

  function sayGoodbye(stream: Stream, reason: Goodbye): void {
    const { format } = stream.audience;
    end(stream, reason, format.control({ event: '$bye', data: { reason }, retryMs: retryMs() }));
  }

  function leaveWithin(leaving: Iterable<Stream>, windowMs: number, reason: Goodbye): NodeJS.Timeout[] {
    return Array.from(leaving, (stream) => setTimeout(sayGoodbye, Math.random() * windowMs, stream, reason));
  }

  /** Not all that came together leave together. */
  function leavesMs(nowMs: number): number {
    return deps.streamMaxAgeMs === 0 ? 0 : Math.ceil(nowMs + deps.streamMaxAgeMs * (0.9 + 0.2 * Math.random()));
  }

  function closed(stream: Stream): void {
    stream.detach();
    streams.delete(stream);
    tellIfEmpty();
    audiences.release(stream.audience);
    metrics.streams.set(streams.size);
    metrics.streamsEnded.inc({ reason: stream.endReason });
    log.debug({ reason: stream.endReason }, 'stream ended');
  }

  function tellIfEmpty(): void {
    if (streams.size + opening === 0) for (const resolve of lastClosed.splice(0)) resolve();
  }

  function heartbeatMs(): number {
    return Math.max(deps.heartbeatMs, Math.round((streams.size / HEARTBEATS_PER_SECOND) * 1000));
  }

  /** Half to one and a half times what the load asks for (P10). */
  function retryMs(): number {
    const askedMs = Math.max(RETRY_MIN_MS, (streams.size / RETURNS_PER_SECOND) * 1000);
    return Math.round(askedMs * (0.5 + Math.random()));
  }

  async function begin(wish: AudienceWish & StartWish, reply: FastifyReply): Promise<void> {
    await gate.enter();
    const audience = await audiences.acquire(wish);
    try {
      const starts = await findStart(deps, audience.hubs, wish);
      const transport = await openTransport(reply, streamHead(audience.format.contentType), deps.streamBufferBytes);
      if (transport) return run(transport, audience, starts);
    } catch (error) {
      audiences.release(audience);
      throw error;
    }
    // The client left while we were looking for where it starts.
    audiences.release(audience);
  }

  function run(transport: Transport, audience: Audience, starts: readonly ChannelStart[]): void {
    const { hubs, format } = audience;
    const positions = starts.map((start) => start.position);
    const stream = new Stream(transport, audience, positions, owner, clock.elapsedMs());
    stream.leavesMs = leavesMs(clock.elapsedMs());
    const told = starts.map((start, i) => ({ hub: hubs[i]!, start }));
    streams.add(stream);
    metrics.streams.set(streams.size);
    wheel.add(stream, visitMs);
    const frames = syncFrames(format, told, { hubs, positions }, { heartbeatMs: heartbeatMs(), retryMs: retryMs() });
    stream.write(frames, clock.elapsedMs());
    if (isDraining) sayGoodbye(stream, 'drain');
    else void bringUp(stream);
  }

  return {
    get size() {
      return streams.size + opening;
    },
    get waiting() {
      return gate.waiting;
    },
    retryMs,
    async open(wish, reply) {
      opening++;
      try {
        await begin(wish, reply);
      } finally {
        opening--;
        tellIfEmpty();
      }
    },
    shed(count, windowMs) {
      leaveWithin(firstOf(streams, count), windowMs, 'rebalance');
    },
    async drain(windowMs) {
      isDraining = true;
      const timers = leaveWithin(streams, windowMs, 'drain');
      if (streams.size + opening > 0) {
        const areGone = new Promise<void>((resolve) => lastClosed.push(resolve));
        await Promise.race([areGone, sleep(windowMs + DRAIN_OPENING_MS, undefined, { ref: false })]);
      }
      for (const timer of timers) clearTimeout(timer);
    },
    close() {
      wheel.close();
      for (const stream of streams) stream.transport.destroy();
    },
  };
}

/** In the order in which they came. */
function* firstOf(streams: Iterable<Stream>, count: number): Iterable<Stream> {
  let left = count;
  for (const stream of streams) {
    if (left-- === 0) return;
    yield stream;
  }
}
