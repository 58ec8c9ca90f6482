/** The gateway: everything a reader can ask for, put together. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Clock } from '../clock.ts';
import type { Engine } from '../engine/engine.ts';
import { EngineUnavailable } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { createAudiences } from './audience/audiences.ts';
import { createComplaints } from './complaints.ts';
import { createHubs, type Hubs } from './hub/hubs.ts';
import { historyRoute } from './routes/history-route.ts';
import { createJsonAnswers } from './routes/json-answers.ts';
import { createPollPace, poll } from './routes/poll.ts';
import { ClientGone, createPolls } from './routes/polls.ts';
import { type Refusal, refuse } from './routes/refusal.ts';
import { createRefusals } from './routes/refusals.ts';
import { type ChannelsRequest, parseRead, type ReadRequest } from './routes/request.ts';
import { eventsDocument } from './routes/schemas.ts';
import { stateRoute } from './routes/state-route.ts';
import { createSpread, type Spread } from './stream/spread.ts';
import { createStreams } from './stream/streams.ts';
import { createTurns } from './turns.ts';

/** One stream more or less is no reason to spread its goodbye: so much of the window per stream. */
const DRAIN_MS_PER_STREAM = 20;
/** Streams that wait to be opened: some two seconds of work, which is longer than a client should be kept. */
const WAITING_MAX = 5000;
/** Polls under way that do not wait: a second of work. */
const BRIEF_POLLS_MAX = 1000;

export interface GatewayDeps {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly heartbeatMs: number;
  readonly maxStreams: number;
  readonly ringMaxBytes: number;
  readonly streamBufferBytes: number;
  readonly streamStallMs: number;
  readonly streamMaxAgeMs: number;
  readonly spreadIntervalMs: number;
}

export interface Gateway {
  routes(app: FastifyInstance): void;
  /** How many streams and waiting polls it holds, and how many it can hold of both together. */
  load(): { readonly streams: number; readonly polls: number; readonly maxStreams: number };
  /** False from the moment it drains. */
  ready(): boolean;
  /** Tells every stream how the store is (P15). */
  announce(status: 'degraded' | 'recovered'): void;
  /** Refuses new streams and ends those that are open, spread over the window. Resolves when none is left. */
  drain(windowMs: number): Promise<void>;
  close(): void;
}

export function createGateway(deps: GatewayDeps): Gateway {
  const turns = createTurns(deps.clock);
  const hubs: Hubs = createHubs({ ...deps, turns, gateways: () => spread.gateways });
  const onDelivered = (events: number) => deps.metrics.deliveries.inc(events);
  const complain = createComplaints(deps.log, deps.clock);
  const audiences = createAudiences(hubs, { ...deps, turns, complain, onDelivered });
  const streams = createStreams({ ...deps, turns, complain, audiences });
  const spread: Spread = createSpread({ ...deps, size: () => streams.size, shed: streams.shed });
  const polls = createPolls();
  const refusals = createRefusals(deps);
  const answers = createJsonAnswers(deps);
  const pollDeps = { ...deps, hubs, turns, answers, pace: createPollPace() };
  let isGoing = false;
  let isStoreAway = false;
  deps.metrics.maxStreams.set(deps.maxStreams);

  /** Why neither is taken now, whatever there is room for. */
  function closedFor(): Refusal | null {
    if (isGoing) return 'draining';
    return isStoreAway ? 'engine_unavailable' : null;
  }

  /** Streams and polls that wait hold a connection each, so they share the room there is. */
  function hasRoom(): boolean {
    return streams.size + polls.waiting < deps.maxStreams;
  }

  function streamRefusal(): Refusal | null {
    return closedFor() ?? (hasRoom() && streams.waiting < WAITING_MAX ? null : 'overloaded');
  }

  function pollRefusal(waits: boolean): Refusal | null {
    return closedFor() ?? ((waits ? hasRoom() : polls.brief < BRIEF_POLLS_MAX) ? null : 'overloaded');
  }

  function refused(reply: FastifyReply, why: Refusal, isPolite: boolean): FastifyReply {
    refusals.count(why);
    return refuse(reply, why, isPolite, streams.retryMs());
  }

  async function receivePoll(read: ReadRequest, request: ChannelsRequest, reply: FastifyReply): Promise<FastifyReply> {
    const waits = read.waitMs > 0;
    const why = pollRefusal(waits);
    if (why) return refused(reply, why, false);
    const client = { response: reply.raw, socket: request.raw.socket };
    const answer = polls.run(client, waits, (signal) => poll(read, pollDeps, signal));
    deps.metrics.polls.set(polls.waiting);
    try {
      return answers.send(reply, await answer);
    } catch (error) {
      if (error instanceof ClientGone) return reply.hijack();
      // Thousands end at once when the store is lost, or the server goes away.
      await pollDeps.pace.gate.enter();
      throw error;
    } finally {
      deps.metrics.polls.set(polls.waiting);
    }
  }

  async function receive(request: ChannelsRequest, reply: FastifyReply): Promise<FastifyReply> {
    const read = parseRead(request);
    const { format } = read;
    if (format === 'json') return receivePoll(read, request, reply);
    const why = streamRefusal();
    if (why) return refused(reply, why, read.isPolite);
    try {
      await streams.open({ ...read, format }, reply);
    } catch (error) {
      if (!(error instanceof EngineUnavailable)) throw error;
      deps.log.debug({ err: error }, 'a stream cannot be opened');
      return refused(reply, 'engine_unavailable', read.isPolite);
    }
    return reply;
  }

  return {
    routes(app) {
      app.route({ ...eventsDocument, handler: receive });
      stateRoute(app, { ...deps, snapshots: hubs.snapshots, turns, answers });
      historyRoute(app, { ...deps, turns, answers });
    },
    load: () => ({ streams: streams.size, polls: polls.waiting, maxStreams: deps.maxStreams }),
    ready: () => !isGoing,
    announce(status) {
      isStoreAway = status === 'degraded';
      hubs.storeIs(status);
      audiences.announce({ event: '$sync', data: { status } });
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
      hubs.close();
    },
  };
}
