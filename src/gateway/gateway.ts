/** The gateway: everything a reader can ask for, put together. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Seat, Seats } from '../access/limits.ts';
import type { Clock } from '../clock.ts';
import { type Channel, shardOf } from '../domain/channel.ts';
import type { Engine, Histories } from '../engine/engine.ts';
import { EngineUnavailable, Problem } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { createAudiences } from './audience/audiences.ts';
import { createComplaints } from './complaints.ts';
import { createHubs, type Hubs } from './hub/hubs.ts';
import { createAuthRefusal } from './routes/auth-refusal.ts';
import { createHeld } from './routes/held.ts';
import { historyRoute } from './routes/history-route.ts';
import { createJsonAnswers } from './routes/json-answers.ts';
import { createLimitRefusal } from './routes/limit-refusal.ts';
import { createPollPace, poll } from './routes/poll.ts';
import { standingOf } from './routes/poll-standing.ts';
import { ClientGone, createPolls } from './routes/polls.ts';
import { type Refusal, refuse } from './routes/refusal.ts';
import { createRefusals } from './routes/refusals.ts';
import { type ChannelsRequest, parseRead, type ReadRequest } from './routes/request.ts';
import { eventsDocument } from './routes/schemas.ts';
import { stateRoute } from './routes/state-route.ts';
import { type TicketOffice, ticketsRoute } from './routes/tickets-route.ts';
import { asksForPast, asksForWindow } from './stream/since.ts';
import { createSpread, type Spread } from './stream/spread.ts';
import { createStreams } from './stream/streams.ts';
import { streamWish } from './stream/wish.ts';
import { createTurns } from './turns.ts';

/** One stream more or less is no reason to spread its goodbye: so much of the window per stream. */
const DRAIN_MS_PER_STREAM = 20;
/** Streams that wait to be opened: some two seconds of work, which is longer than a client should be kept. */
const WAITING_MAX = 5000;
/** Polls under way that do not wait: a second of work. */
const BRIEF_POLLS_MAX = 1000;

const NO_POLL = 'A ticket opens a stream: without one, poll with Authorization or the cookie of a session.';

export interface GatewayDeps {
  readonly engine: Engine;
  /** Where events are read that are not among the newest. Default: the engine; else it may be deeper. */
  readonly histories?: Histories;
  readonly replayMaxEvents?: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly seats: Seats;
  readonly maxChangeBytes: number;
  readonly batchMaxChanges: number;
  readonly batchMaxBytes: number;
  readonly dedupeTtlMs: number;
  readonly heartbeatMs: number;
  readonly maxStreams: number;
  readonly maxConnections: number;
  readonly ringMaxBytes: number;
  readonly streamBufferBytes: number;
  readonly streamStallMs: number;
  readonly streamMaxAgeMs: number;
  /** Streams that may wait to be opened; 5,000 unless given. */
  readonly waitingMax?: number;
  readonly spreadIntervalMs: number;
  /** Where tickets are, if there are any. */
  readonly tickets?: TicketOffice | null;
}

export interface Gateway {
  routes(app: FastifyInstance): void;
  /** How many streams and waiting polls it holds, and how many it can hold of both together. */
  load(): { readonly streams: number; readonly polls: number; readonly maxStreams: number };
  /** False from the moment it drains. */
  ready(): boolean;
  /** Which shards are away now: streams that have channels on them are told, as they are when none is any more (P15). */
  storeIs(away: ReadonlySet<number>): void;
  /** Refuses new streams and ends those that are open, spread over the window. Resolves when none is left. */
  drain(windowMs: number): Promise<void>;
  close(): void;
}

export function createGateway(given: GatewayDeps): Gateway {
  const deps = { ...given, histories: given.histories ?? given.engine };
  const { waitingMax = WAITING_MAX } = deps;
  const turns = createTurns(deps.clock);
  const hubs: Hubs = createHubs({ ...deps, turns, gateways: () => spread.gateways });
  const onDelivered = (events: number) => deps.metrics.deliveries.inc(events);
  const complain = createComplaints(deps.log, deps.clock);
  const audiences = createAudiences(hubs, { ...deps, turns, complain, onDelivered });
  const limits = {
    maxChangeBytes: deps.maxChangeBytes,
    maxBatchChanges: deps.batchMaxChanges,
    maxBatchBytes: deps.batchMaxBytes,
    dedupeTtlS: deps.dedupeTtlMs / 1000,
  };
  const streams = createStreams({ ...deps, turns, complain, audiences, limits });
  const spread: Spread = createSpread({ ...deps, size: () => streams.size, shed: streams.shed });
  const polls = createPolls();
  const refusals = createRefusals(deps);
  const held = createHeld(deps);
  const refuseLimit = createLimitRefusal(held, deps.metrics);
  const refuseAuth = createAuthRefusal(deps.metrics, refuseLimit);
  const answers = createJsonAnswers(deps);
  const pollDeps = { ...deps, hubs, turns, answers, pace: createPollPace() };
  let isGoing = false;
  let awayShards: ReadonlySet<number> = new Set();
  deps.metrics.maxStreams.set(deps.maxStreams);

  /** Why neither is taken now, whatever there is room for. */
  function closedFor({ channels }: ReadRequest): Refusal | null {
    if (isGoing) return 'draining';
    return isAnyOn(awayShards, channels) ? 'engine_unavailable' : null;
  }

  function isAnyOn(shards: ReadonlySet<number>, channels: readonly Channel[]): boolean {
    return shards.size > 0 && channels.some((channel) => shards.has(shardOf(channel, deps.engine.shards)));
  }

  /** Streams and polls that wait hold a connection each, so they share the room there is. */
  function hasRoom(): boolean {
    return streams.size + polls.waiting < deps.maxStreams;
  }

  function streamRefusal(read: ReadRequest): Refusal | null {
    return closedFor(read) ?? (hasRoom() && streams.waiting < waitingMax ? null : 'overloaded');
  }

  function pollRefusal(read: ReadRequest, waits: boolean): Refusal | null {
    return closedFor(read) ?? ((waits ? hasRoom() : polls.brief < BRIEF_POLLS_MAX) ? null : 'overloaded');
  }

  function refused(reply: FastifyReply, why: Refusal, isPolite: boolean): FastifyReply {
    refusals.count(why);
    return refuse(reply, why, { held, isPolite, retryMs: streams.retryMs() });
  }

  async function receivePoll(read: ReadRequest, request: ChannelsRequest, reply: FastifyReply): Promise<FastifyReply> {
    const waits = read.waitMs > 0;
    const why = pollRefusal(read, waits);
    if (why) return refused(reply, why, false);
    const seat = waits ? seatFor(request) : null;
    if (seat instanceof Problem) return refuseLimit(request, reply, seat);
    const client = { response: reply.raw, socket: request.raw.socket };
    const standing = waits ? standingOf(request.principal!, read.channels, pollDeps) : null;
    const answer = polls.run(client, waits, (signal) => poll(read, pollDeps, signal), standing);
    deps.metrics.polls.set(polls.waiting);
    try {
      return answers.send(reply, await answer);
    } catch (error) {
      if (error instanceof ClientGone) return reply.hijack();
      // Thousands end at once when the store is lost, or the server goes away.
      await pollDeps.pace.gate.enter();
      throw error;
    } finally {
      if (seat !== null) deps.seats.giveBack(seat);
      deps.metrics.polls.set(polls.waiting);
    }
  }

  function seatFor({ principal, address }: ChannelsRequest): Seat | Problem {
    return deps.seats.take(principal!.identity.sub, address);
  }

  async function receive(request: ChannelsRequest, reply: FastifyReply): Promise<FastifyReply> {
    const read = parseRead(request);
    const { format } = read;
    const principal = request.principal!;
    const past = principal.refusal('history', read.channels);
    const isPastAsked = format === 'json' ? asksForPast(read) : asksForWindow(read);
    const denied = principal.refusal('subscribe', read.channels) ?? (isPastAsked ? past : undefined);
    if (denied) return refuseAuth(request, reply, denied);
    // One stream holds a ticket; a poll would hold it for nobody.
    if (format === 'json' && principal.hold) return refuseAuth(request, reply, new Problem('bad_ticket', NO_POLL));
    if (format === 'json') return receivePoll(read, request, reply);
    const why = streamRefusal(read);
    if (why) return refused(reply, why, read.isPolite);
    const seat = seatFor(request);
    if (seat instanceof Problem) return refuseLimit(request, reply, seat);
    try {
      await streams.open(streamWish(read, format, { principal, seat, isPastClosed: past !== undefined }), reply);
    } catch (error) {
      if (error instanceof Problem) return refuseAuth(request, reply, error);
      if (!(error instanceof EngineUnavailable)) throw error;
      deps.log.debug({ err: error }, 'a stream cannot be opened');
      return refused(reply, 'engine_unavailable', read.isPolite);
    }
    return reply;
  }

  return {
    routes(app) {
      app.server.on('connection', turns.rest.connected);
      app.route({
        ...eventsDocument,
        config: { ...eventsDocument.config, refuse: refuseAuth, takesTicket: true },
        handler: receive,
      });
      stateRoute(app, { ...deps, snapshots: hubs.snapshots, turns, answers });
      historyRoute(app, { ...deps, turns, answers });
      if (deps.tickets) ticketsRoute(app, deps.tickets);
    },
    load: () => ({ streams: streams.size, polls: polls.waiting, maxStreams: deps.maxStreams }),
    ready: () => !isGoing,
    storeIs(away) {
      const before = awayShards;
      awayShards = away;
      hubs.storeIs(away);
      audiences.announce((channels) => {
        const isAway = isAnyOn(away, channels);
        if (isAway === isAnyOn(before, channels)) return null;
        return { event: '$sync', data: { status: isAway ? 'degraded' : 'recovered' } };
      });
    },
    async drain(windowMs) {
      isGoing = true;
      polls.close();
      spread.close();
      await streams.drain(Math.min(windowMs, streams.size * DRAIN_MS_PER_STREAM));
    },
    close() {
      spread.close();
      streams.close();
      refusals.close();
      held.close();
      hubs.close();
    },
  };
}
