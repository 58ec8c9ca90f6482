/**
 * All streams of a gateway, from the first frame to the last: opening, keeping alive, catching up, ending.
 *
 * A stream holds one member's place in its audience for as long as it lives; whatever ends it, gives that back once.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyReply } from 'fastify';
import type { Identity, Principal } from '../../access/access.ts';
import type { Seats } from '../../access/limits.ts';
import type { Clock } from '../../clock.ts';
import type { Histories } from '../../engine/engine.ts';
import { EngineUnavailable } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import type { Metrics } from '../../metrics.ts';
import type { Audience } from '../audience/audience.ts';
import type { Audiences } from '../audience/audiences.ts';
import { catchUp } from '../audience/catchup.ts';
import type { Complain } from '../complaints.ts';
import { openTransport, streamHead } from '../connection/open.ts';
import type { Transport } from '../connection/transport.ts';
import type { Turns } from '../turns.ts';
import { expiringFrame } from './auth-frame.ts';
import { setDeadline, setExpiry } from './deadline.ts';
import { createGate } from './gate.ts';
import { leaveWithin } from './leaving.ts';
import { probe } from './probe.ts';
import { createRenewal } from './renewal.ts';
import { type ChannelStart, findStart } from './start.ts';
import { type EndReason, type Goodbye, Stream, type StreamOwner } from './stream.ts';
import { type PublisherLimits, syncFrames } from './sync.ts';
import { createVisits, heartbeatMsFor, type VisitTimes } from './visits.ts';
import type { StreamWish } from './wish.ts';

export interface StreamsDeps extends VisitTimes {
  readonly histories: Histories;
  readonly replayMaxEvents?: number;
  readonly audiences: Audiences;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly seats: Seats;
  readonly turns: Turns;
  readonly complain: Complain;
  readonly limits: PublisherLimits;
  /** Unsent bytes above which a connection is not written to. */
  readonly streamBufferBytes: number;
}

export interface Streams {
  /** How many are open or being opened. */
  readonly size: number;
  /** How many wait for being opened. */
  readonly waiting: number;
  /** Begins the response and resolves; the stream goes on by itself. Rejects before the response has begun. */
  open(wish: StreamWish, reply: FastifyReply): Promise<void>;
  /** For which time a client should wait before it comes back, milliseconds: its own, so that not all come at once. */
  retryMs(): number;
  /** Asks so many, the oldest, to come back, spread evenly over the window. */
  shed(count: number, windowMs: number): void;
  /** Ends every stream, spread evenly over the window, saying goodbye; those that are being opened as soon as they are. */
  drain(windowMs: number): Promise<void>;
  close(): void;
}

/** Where a stream is to begin. */
interface Place {
  readonly audience: Audience;
  readonly starts: readonly ChannelStart[];
}

/** The least a client waits before it comes back: browsers' own default is 2 to 5 s. */
const RETRY_MIN_MS = 2000;
/** Streams that may come back per second: what a gateway opens without anybody noticing. */
const RETURNS_PER_SECOND = 500;
/** How long after its window a drain waits for streams that are still being opened: longer than that takes with a store that answers. */
const DRAIN_OPENING_MS = 5000;
/** A portion of what a stream has missed is as large as its buffer, but not so small that a few events are many writes, */
const PORTION_MIN_BYTES = 16 << 10;
/** and not so large that it keeps the event loop: escaped, it may become six times as long. */
const PORTION_MAX_BYTES = 1 << 20;
/** Between two tries to catch up while the engine is away. */
const CATCH_UP_RETRY_MS = 500;

export function createStreams(deps: StreamsDeps): Streams {
  const { audiences, clock, log, metrics, turns } = deps;
  const streams = new Set<Stream>();
  let opening = 0;
  let isDraining = false;
  const lastClosed: (() => void)[] = [];
  const asking = createGate();
  const beginning = createGate();
  const portionBytes = Math.min(PORTION_MAX_BYTES, Math.max(PORTION_MIN_BYTES, deps.streamBufferBytes));
  const visits = createVisits({
    ...deps,
    stalled: (stream) => end(stream, 'stalled'),
    due,
    failed,
  });

  const renewal = createRenewal({ ...deps, due, end, failed });
  const owner: StreamOwner = {
    ...renewal,
    catchUp: (stream) => void bringUp(stream),
    closed,
    failed,
  };

  /** Never rejects: whatever goes wrong with one stream ends that one. */
  async function bringUp(stream: Stream): Promise<void> {
    while (!stream.isClosed) {
      try {
        return await catchUp(stream, { clock, metrics, turns, heartbeatMs, portionBytes });
      } catch (error) {
        if (!(error instanceof EngineUnavailable)) return failed(stream, error);
        log.debug({ err: error }, 'a stream cannot catch up: trying again');
        await sleep(CATCH_UP_RETRY_MS * (0.5 + Math.random()));
      }
    }
  }

  /** Its client comes back with its cursor. */
  function failed(stream: Stream, error?: unknown): void {
    if (error !== undefined) deps.complain(error, 'a stream failed: it is ended');
    try {
      end(stream, 'failed');
    } catch {
      stream.transport.destroy();
    }
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

  /** @returns Whether it goes on. */
  function due(stream: Stream): boolean {
    const { format } = stream.audience;
    if (stream.leavesFor !== 'expiring') {
      if (stream.leavesFor === 'age') sayGoodbye(stream, 'age');
      else renewal.expired(stream);
      return false;
    }
    const nowMs = clock.elapsedMs();
    const leftMs = setExpiry(stream, nowMs, clock.wallMs());
    if (!stream.transport.isFull) stream.write(format.control(expiringFrame(leftMs)), nowMs);
    return true;
  }

  /** Not all that came together leave together. */
  function ageMs(nowMs: number): number {
    return deps.streamMaxAgeMs === 0 ? 0 : Math.ceil(nowMs + deps.streamMaxAgeMs * (0.9 + 0.2 * Math.random()));
  }

  function closed(stream: Stream): void {
    stream.detach();
    stream.identity?.leave?.(stream);
    streams.delete(stream);
    tellIfEmpty();
    audiences.release(stream.audience);
    deps.seats.giveBack(stream);
    metrics.streams.set(streams.size);
    metrics.streamsEnded.inc({ reason: stream.endReason });
    log.debug({ reason: stream.endReason }, 'stream ended');
  }

  function tellIfEmpty(): void {
    if (streams.size + opening === 0) for (const resolve of lastClosed.splice(0)) resolve();
  }

  function heartbeatMs(): number {
    return heartbeatMsFor(streams.size, deps.heartbeatMs);
  }

  /** Half to one and a half times what the load asks for (P10). */
  function retryMs(): number {
    const askedMs = Math.max(RETRY_MIN_MS, (streams.size / RETURNS_PER_SECOND) * 1000);
    return Math.round(askedMs * (0.5 + Math.random()));
  }

  /** Of a ticket, whoever has taken it. */
  async function identityOf(principal: Principal): Promise<Identity> {
    return (await principal.hold?.()) ?? principal.identity;
  }

  /** @returns null where its client has left. */
  async function begin(wish: StreamWish, reply: FastifyReply): Promise<[Transport, Place] | null> {
    await asking.enter();
    const [place] = await Promise.allSettled([findPlace(wish)]);
    // Thousands may have waited for the same answer of the store.
    await beginning.enter();
    if (place.status === 'rejected') throw place.reason;
    const { audience } = place.value;
    let transport: Transport | null = null;
    try {
      transport = await openTransport(reply, streamHead(audience.format.contentType), deps.streamBufferBytes);
    } finally {
      // Else its client has left meanwhile.
      if (!transport) audiences.release(audience);
    }
    return transport && [transport, place.value];
  }

  async function findPlace(wish: StreamWish): Promise<Place> {
    const audience = await audiences.acquire(wish);
    try {
      return { audience, starts: await findStart(deps, audience.hubs, wish) };
    } catch (error) {
      audiences.release(audience);
      throw error;
    }
  }

  function run(transport: Transport, { audience, starts }: Place, identity: Identity, wish: StreamWish): void {
    const { principal, seat, isProbed } = wish;
    const { hubs, format } = audience;
    const positions = starts.map((start) => start.position);
    const stream = new Stream(transport, audience, positions, owner, clock.elapsedMs());
    stream.identity = identity;
    stream.ofSub = seat.ofSub;
    stream.ofAddress = seat.ofAddress;
    setDeadline(stream, ageMs(clock.elapsedMs()), clock.elapsedMs(), clock.wallMs());
    const told = starts.map((start, i) => ({ hub: hubs[i]!, start }));
    streams.add(stream);
    metrics.streams.set(streams.size);
    stream.heartbeatMs = heartbeatMs();
    visits.add(stream);
    const options = { heartbeatMs: stream.heartbeatMs, retryMs: retryMs(), limits: deps.limits };
    const frames = syncFrames(format, told, { hubs, positions }, options);
    stream.write(frames, clock.elapsedMs());
    identity.follow?.(stream, principal);
    if (isDraining) sayGoodbye(stream, 'drain');
    else void bringUp(stream);
    if (isProbed) probe(stream, () => clock.elapsedMs());
  }

  return {
    get size() {
      return streams.size + opening;
    },
    get waiting() {
      return asking.waiting + beginning.waiting;
    },
    retryMs,
    async open(wish, reply) {
      // Before anything is waited for: whether there is room was asked in this very step.
      opening++;
      let begun: [Transport, Place] | null = null;
      try {
        const identity = await identityOf(wish.principal);
        begun = await begin(wish, reply);
        if (begun) run(...begun, identity, wish);
      } finally {
        opening--;
        if (!begun) deps.seats.giveBack(wish.seat);
        tellIfEmpty();
      }
    },
    shed(count, windowMs) {
      leaveWithin(clock, [...firstOf(streams, count)], windowMs, (stream) => sayGoodbye(stream, 'rebalance'));
    },
    async drain(windowMs) {
      isDraining = true;
      const stop = leaveWithin(clock, [...streams], windowMs, (stream) => sayGoodbye(stream, 'drain'));
      if (streams.size + opening > 0) {
        const areGone = new Promise<void>((resolve) => lastClosed.push(resolve));
        await Promise.race([areGone, sleep(windowMs + DRAIN_OPENING_MS, undefined, { ref: false })]);
      }
      stop();
    },
    close() {
      visits.close();
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
