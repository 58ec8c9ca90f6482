/** The gateway: everything a reader can ask for, put together. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Clock } from '../clock.ts';
import type { Engine } from '../engine/engine.ts';
import { EngineUnavailable } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { createAudiences } from './audience/audiences.ts';
import { createComplaints } from './complaints.ts';
import { createHubs } from './hub/hubs.ts';
import { historyRoute } from './routes/history-route.ts';
import { poll } from './routes/poll.ts';
import { createPolls } from './routes/polls.ts';
import { type Refusal, refuse } from './routes/refusal.ts';
import { type ChannelsRequest, parseRead } from './routes/request.ts';
import { eventsDocument } from './routes/schemas.ts';
import { stateRoute } from './routes/state-route.ts';
import { createSpread } from './stream/spread.ts';
import { createStreams } from './stream/streams.ts';
import { createTurns } from './turns.ts';

/** One stream more or less is no reason to spread its goodbye: so much of the window per stream. */
const DRAIN_MS_PER_STREAM = 20;
/** Streams that wait to be opened: some two seconds of work, which is longer than a client should be kept. */
const WAITING_MAX = 5000;

export interface GatewayDeps {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly heartbeatMs: number;
  readonly maxStreams: number;
  readonly ringMaxBytes: number;
  readonly comparesPerS: number;
  readonly streamBufferBytes: number;
  readonly streamStallMs: number;
  readonly streamMaxAgeMs: number;
  readonly spreadIntervalMs: number;
}

export interface Gateway {
  routes(app: FastifyInstance): void;
  /** How many streams it holds, and how many it can. */
  load(): { readonly streams: number; readonly maxStreams: number };
  /** False from the moment it drains. */
  ready(): boolean;
  /** Tells every stream how the store is (P15). */
  announce(status: 'degraded' | 'recovered'): void;
  /** Refuses new streams and ends those that are open, spread over the window. Resolves when none is left. */
  drain(windowMs: number): Promise<void>;
  close(): void;
}

export function createGateway(deps: GatewayDeps): Gateway {
  const hubs = createHubs(deps);
  const onDelivered = (events: number) => deps.metrics.deliveries.inc(events);
  const turns = createTurns(deps.clock);
  const complain = createComplaints(deps.log, deps.clock);
  const audiences = createAudiences(hubs, { ...deps, turns, complain, onDelivered });
  const streams = createStreams({ ...deps, turns, complain, audiences });
  const spread = createSpread({ ...deps, size: () => streams.size, shed: streams.shed });
  const polls = createPolls();
  let isGoing = false;
  deps.metrics.maxStreams.set(deps.maxStreams);

  function refusal(): Refusal | null {
    if (isGoing) return 'draining';
    return streams.size >= deps.maxStreams || streams.waiting >= WAITING_MAX ? 'overloaded' : null;
  }

  async function receive(request: ChannelsRequest, reply: FastifyReply): Promise<FastifyReply> {
    const read = parseRead(request);
    const { format } = read;
    if (format === 'json') {
      const answer = await polls.run(reply.raw, (signal) => poll(read, { ...deps, hubs }, signal));
      return reply.type('application/json').header('cache-control', 'no-store').send(answer);
    }
    const why = refusal();
    if (why) return refuse(reply, why, read.isPolite, streams.retryMs());
    try {
      await streams.open({ ...read, format }, reply);
    } catch (error) {
      if (!(error instanceof EngineUnavailable)) throw error;
      deps.log.debug({ err: error }, 'a stream cannot be opened');
      return refuse(reply, 'engine_unavailable', read.isPolite, streams.retryMs());
    }
    return reply;
  }

  return {
    routes(app) {
      app.route({ ...eventsDocument, handler: receive });
      stateRoute(app, deps.engine);
      historyRoute(app, deps.engine);
    },
    load: () => ({ streams: streams.size, maxStreams: deps.maxStreams }),
    ready: () => !isGoing,
    announce: (status) => audiences.announce({ event: '$sync', data: { status } }),
    async drain(windowMs) {
      isGoing = true;
      polls.close();
      spread.close();
      await streams.drain(Math.min(windowMs, streams.size * DRAIN_MS_PER_STREAM));
    },
    close() {
      spread.close();
      streams.close();
      hubs.close();
    },
  };
}
