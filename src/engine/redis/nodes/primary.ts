/**
 * One primary: a connection for appends alone, so that a POST never waits behind a large read; one that listens; and
 * one for the rest. Each connects again by itself.
 */
import { once } from 'node:events';
import type { Redis } from 'ioredis';
import type { EngineLog } from '../log.ts';
import { Line, type LineNews, SILENCE_MAX_MS } from '../pubsub/line.ts';
import { Acknowledgement } from './acknowledgement.ts';
import { addressOf, type Target } from './addresses.ts';
import { type Argument, call, type Reply, run, type Script } from './calls.ts';
import { type ClientOptions, closeClient, createClient, openClient } from './clients.ts';
import { gatherTurn } from './turn.ts';

export interface PrimaryOptions {
  readonly commandTimeoutMs: number;
  readonly waitReplicas: number;
  readonly log: EngineLog;
  /** Who hears what is published, and when something may have been missed. */
  readonly news: LineNews;
}

/** A node that we were just sent to is there as a rule, and a connection to it takes milliseconds. */
const FIRST_CONNECT_TIMEOUT_MS = 500;

export class Primary {
  /** For people, and as a key. */
  readonly address: string;
  readonly main: Redis;
  readonly line: Line;
  readonly #appends: Redis;
  readonly #acknowledgement: Acknowledgement;
  /** While it has never been connected; undefined afterwards. */
  #connecting: Promise<unknown> | undefined;

  constructor(target: Target, main: Redis, appends: Redis, listening: Redis, options: PrimaryOptions) {
    this.address = addressOf(target);
    this.main = main;
    this.#appends = appends;
    this.#acknowledgement = new Acknowledgement(appends, options.waitReplicas);
    this.line = new Line(listening, options.news);
    if ([main, appends].some(({ status }) => status !== 'ready')) {
      const signal = AbortSignal.timeout(FIRST_CONNECT_TIMEOUT_MS);
      const ready = [main, appends].map((redis) => once(redis, 'ready', { signal }).catch(() => undefined));
      this.#connecting = Promise.all(ready).then(() => {
        this.#connecting = undefined;
      });
    }
  }

  /** Resolves when it takes commands, if that is a matter of a moment; a command will tell. */
  async connected(): Promise<void> {
    if (this.#connecting) await this.#connecting;
  }

  run(script: Script, keys: string[], args: Argument[], isAsked = false): Promise<Reply> {
    gatherTurn(this.main);
    return run(this.main, script, keys, args, isAsked);
  }

  /** Resolves when as many replicas have it as are asked for. */
  append(script: Script, keys: string[], args: Argument[], isAsked = false): Promise<Reply> {
    return this.#acknowledgement.of(() => run(this.#appends, script, keys, args, isAsked));
  }

  async ping(): Promise<void> {
    await call(this.main, 'ping', []);
  }

  async close(): Promise<void> {
    await Promise.all([closeClient(this.main), closeClient(this.#appends), this.line.close()]);
  }
}

/** Fails with an EngineUnusable when it cannot be reached. */
export async function openPrimary(target: Target, options: PrimaryOptions): Promise<Primary> {
  const opened: Redis[] = [];
  try {
    // One by one: the first says what is wrong.
    for (const connection of connections(target, options)) opened.push(await openClient(connection));
  } catch (error) {
    await Promise.all(opened.map(closeClient));
    throw error;
  }
  const [main, appends, listening] = opened as [Redis, Redis, Redis];
  return new Primary(target, main, appends, listening, options);
}

/** Begins to connect. */
export function createPrimary(target: Target, options: PrimaryOptions): Primary {
  const [main, appends, listening] = connections(target, options).map(createClient) as [Redis, Redis, Redis];
  return new Primary(target, main, appends, listening, options);
}

function connections(target: Target, { log, commandTimeoutMs }: PrimaryOptions): ClientOptions[] {
  return [
    { target, log, name: 'main', commandTimeoutMs },
    { target, log, name: 'append', commandTimeoutMs },
    { target, log, name: 'subscriber', commandTimeoutMs: SILENCE_MAX_MS },
  ];
}
