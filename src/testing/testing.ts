/**
 * `smallchange/testing`: a server for the unit tests of an app, in memory and without a port. It speaks the protocol as far as the client
 * library does, merges each change once, and fails when a test says so. Time is the test's.
 *
 * What it leaves out: conflation, polls, tokens that are looked at, limits of a history, and frames of a server that is a fleet.
 */
import type { ConnectOptions } from '../client/options.ts';
import { createFakeClock, settled } from './clock.ts';
import { createFakeHttp, type Refusal, type SeenRequest } from './http.ts';
import { bytesFrom, textOf } from './log.ts';

export type { Refusal, SeenRequest } from './http.ts';

export interface FakeServerOptions {
  /** As the setting `REDUCERS`, by pattern: `{ 'tally-*': 'tally' }`. Default: all channels are logs. */
  readonly reducers?: Readonly<Record<string, 'log' | 'latest' | 'tally'>>;
}

export interface FakeEvent {
  readonly data: string | Uint8Array;
  /** `<name>~<tag>`, as readers are shown it (P4). */
  readonly from?: string;
  readonly seq?: number;
  readonly at: number;
}

export interface FakeServer {
  /** For `connect(server.url, server.options)`. */
  readonly url: string;
  /** Without `clock` in them the connection goes by real time, and `advance` does nothing for it. */
  readonly options: Required<Pick<ConnectOptions, 'fetch' | 'clock' | 'random' | 'transports' | 'storage' | 'share'>>;
  /** All that were made, in order. */
  readonly requests: readonly SeenRequest[];
  /** How many are open. */
  readonly streams: number;
  /** What was merged of a channel: each change once, whoever sent it. */
  events(channel: string): FakeEvent[];
  /** As another publisher would. Resolves when it was merged and sent to the streams. */
  publish(channel: string, data: string | Uint8Array, name?: string): Promise<void>;
  /** Moves the clock, and runs what comes due. */
  advance(ms: number): Promise<void>;
  /** Answers requests with a status, 401, 429 and 503 among them. */
  refuse(status: number, refusal?: Refusal): void;
  /** Ends `refuse` and `offline`. */
  accept(): void;
  /** The network is away: streams are cut, requests fail. */
  offline(): void;
  /** The next changes are merged, and their answers are lost. */
  loseAnswers(times?: number): void;
  /** Cuts all streams. */
  cut(): void;
  /** Says goodbye to all streams (P22). */
  bye(reason: 'drain' | 'age' | 'rebalance', retryMs?: number): void;
  /** Loses all that it has: who comes back with a cursor is told `reset`. */
  forget(): void;
}

export function createFakeServer({ reducers = {} }: FakeServerOptions = {}): FakeServer {
  const url = 'http://smallchange.test';
  const clock = createFakeClock();
  const http = createFakeHttp(clock, reducers);
  let others = 0;
  return {
    url,
    options: { fetch: http.fetch, clock, transports: ['fetch'], random: () => 0.5, storage: 'memory', share: false },
    requests: http.requests,
    get streams() {
      return http.streams.size;
    },
    events: (channel) =>
      http.logOf(channel).events.map(({ id: _, data, b64, ...fields }) => ({ ...fields, data: textOf({ data, b64 }) })),
    async publish(channel, data, name = 'other') {
      await http.merge(channel, [{ from: `${name}.${++others}`, seq: 1, bytes: bytesFrom(data) }]);
      await settled();
    },
    advance: (ms) => clock.advance(ms),
    refuse: http.refuse,
    accept: http.accept,
    offline: http.offline,
    loseAnswers: http.loseAnswers,
    cut: http.cut,
    bye(reason, retryMs = 1_000) {
      for (const stream of http.streams) {
        stream.tell('$bye', { reason }, retryMs);
        stream.end();
      }
    },
    forget() {
      for (const log of http.logs.values()) log.forget();
      http.cut();
    },
  };
}
