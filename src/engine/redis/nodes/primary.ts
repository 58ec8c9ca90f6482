/**
 * One primary: a connection for appends alone, so that a POST never waits behind a large read; one that listens; and
 * one for the rest. Each connects again by itself.
 */
import { once } from 'node:events';
import type { Redis } from 'ioredis';
import { EngineForbidden, EngineUnusable } from '../../../errors.ts';
import type { EngineLog } from '../log.ts';
import { Line, type LineNews, SILENCE_MAX_MS } from '../pubsub/line.ts';
import { checkRights, type RightsWanted } from '../start/rights.ts';
import { Acknowledgement } from './acknowledgement.ts';
import { addressOf, type Target } from './addresses.ts';
import { type Argument, call, DEMOTED, FORBIDDEN, noted, type Reply, reasonOf, run, type Script } from './calls.ts';
import { type ClientOptions, closeClient, createClient, openClient } from './clients.ts';
import { keepAlive } from './keep-alive.ts';
import { gatherTurn } from './turn.ts';

export interface PrimaryOptions extends RightsWanted {
  readonly commandTimeoutMs: number;
  readonly log: EngineLog;
  /** Who hears what is published, and when something may have been missed. */
  readonly news: LineNews;
}

const NOTHING_ASKED = 'Redis refuses our user what is needed: nothing is asked of it until it allows all';

/** A node that we were just sent to is there as a rule, and a connection to it takes milliseconds. */
const FIRST_CONNECT_TIMEOUT_MS = 500;

export class Primary {
  /** For people, and as a key. */
  readonly address: string;
  readonly main: Redis;
  readonly line: Line;
  readonly #appends: Redis;
  readonly #acknowledgement: Acknowledgement;
  readonly #keptAlive: ReturnType<typeof keepAlive>;
  readonly #options: PrimaryOptions;
  /** It said that it takes no writes; the next that it takes will be another's. */
  #isDemoted = false;
  /** Since our user may not do all there. Nothing is asked for until it may: a script would be broken off in its middle. */
  #forbidden: EngineForbidden | undefined;
  /** While it has never been connected; undefined afterwards. */
  #connecting: Promise<unknown> | undefined;

  constructor(target: Target, main: Redis, appends: Redis, listening: Redis, options: PrimaryOptions) {
    this.address = addressOf(target);
    this.#options = options;
    this.main = main;
    this.#appends = appends;
    this.#acknowledgement = new Acknowledgement(appends, options.waitReplicas);
    this.line = new Line(listening, options.news);
    this.#keptAlive = keepAlive([main, appends]);
    for (const redis of [main, appends, listening]) redis.on(FORBIDDEN, () => this.#forbid());
    for (const redis of [main, appends]) {
      redis.on(DEMOTED, () => {
        this.#isDemoted = true;
      });
    }
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
    if (this.#forbidden) return Promise.reject(this.#forbidden);
    gatherTurn(this.main);
    return this.#watched(script, run(this.main, script, keys, args, isAsked));
  }

  /** Resolves when as many replicas have it as are asked for. */
  append(script: Script, keys: string[], args: Argument[], isAsked = false): Promise<Reply> {
    if (this.#forbidden) return Promise.reject(this.#forbidden);
    const reply = this.#acknowledgement.of(() => run(this.#appends, script, keys, args, isAsked));
    return this.#watched(script, reply);
  }

  async ping(): Promise<void> {
    if (this.#forbidden) return this.#askForRights();
    try {
      await call(this.main, 'ping', []);
    } catch (error) {
      throw noted(this.main, error);
    }
  }

  /**
   * After a demotion: the line goes to another server only once a write was accepted there. Earlier it might find the old
   * one again, answer every PING and hear nothing for ever.
   */
  #watched(script: Script, reply: Promise<Reply>): Promise<Reply> {
    if (this.#isDemoted && !isReadOnly(script)) {
      reply.then(
        () => {
          // One that connects just now may be on its way to the old one: the next write that is accepted looks again.
          if (!this.#isDemoted || !this.line.isConnected) return;
          this.#isDemoted = false;
          this.line.replace();
        },
        () => undefined,
      );
    }
    return reply;
  }

  #forbid(): void {
    if (this.#forbidden) return;
    this.#forbidden = new EngineForbidden(`The user of Redis at ${this.address} may not do what is needed.`);
    const { log } = this.#options;
    const fields = { server: this.address };
    this.#askForRights().catch((error: Error) => log.error({ ...fields, reason: reasonOf(error) }, NOTHING_ASKED));
  }

  /** Fails unless our user may do all again. */
  async #askForRights(): Promise<void> {
    try {
      await checkRights(this.main, this.address, this.#options);
    } catch (error) {
      if (!(error instanceof EngineUnusable)) throw error;
      this.#forbidden = new EngineForbidden(error.message);
      throw this.#forbidden;
    }
    this.#forbidden = undefined;
    this.#options.log.info({ server: this.address }, 'Redis allows all that is needed again');
  }

  async close(): Promise<void> {
    this.#keptAlive.close();
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

function isReadOnly({ source }: Script): boolean {
  return source.startsWith('#!lua flags=no-writes');
}

function connections(target: Target, { log, commandTimeoutMs }: PrimaryOptions): ClientOptions[] {
  return [
    { target, log, name: 'main', commandTimeoutMs },
    { target, log, name: 'append', commandTimeoutMs },
    { target, log, name: 'subscriber', commandTimeoutMs: SILENCE_MAX_MS },
  ];
}
