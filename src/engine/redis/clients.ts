/**
 * Connections to Redis, and the one way to send a command over one.
 *
 * Invariants: a command is sent once, never queued while the connection is down and never sent again by ioredis; it
 * always settles: with its reply, at once when the connection closes, else after `commandTimeoutMs`. A reply that is
 * that late means that the connection is not to be trusted with more, so it is replaced: what a silent Redis has not
 * read yet must not pile up. Whoever is told `EngineUnavailable` does not know whether the command ran.
 */
import { Command, Redis } from 'ioredis';
import { EngineUnavailable, EngineUnusable } from '../../errors.ts';

/** As much of a pino logger as the engine needs. */
export interface EngineLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export type Argument = string | Buffer;
export type Reply = Buffer | number | null | Reply[];

export interface Script {
  readonly source: string;
  readonly sha1: string;
}

export interface ClientOptions {
  readonly url: string;
  /** What it is for; operators see it in CLIENT LIST and in the log. */
  readonly name: string;
  readonly commandTimeoutMs: number;
  readonly log: EngineLog;
}

/** A connection that takes longer is no better than none. Time for one lost SYN. */
const CONNECT_TIMEOUT_MS = 2_000;
/** After the end of the stream was sent, how long the peer may take to end its own. A stopped one never does. */
const DISCONNECT_TIMEOUT_MS = 100;
/** How often to ask a Redis that reads its files whether it is done. */
const LOADING_POLL_MS = 200;
/** Spread, so that a fleet does not come back in one moment. */
const RECONNECT_MIN_MS = 50;
const RECONNECT_MAX_MS = 1_000;
/** Includes reading the files of a large Redis that starts together with us. */
const OPEN_TIMEOUT_MS = 10_000;
const CLOSE_TIMEOUT_MS = 1_000;

/** Connects and resolves when Redis takes commands; from then on reconnects until `closeClient`. */
export async function openClient(options: ClientOptions): Promise<Redis> {
  const { url, name, commandTimeoutMs, log } = options;
  const redis = new Redis(url, {
    lazyConnect: true,
    connectionName: `smallchange-${name}`,
    disableClientInfo: true,
    protocol: 2,
    connectTimeout: CONNECT_TIMEOUT_MS,
    disconnectTimeout: DISCONNECT_TIMEOUT_MS,
    maxLoadingRetryTime: LOADING_POLL_MS,
    commandTimeout: commandTimeoutMs,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    // 0: what is in flight is rejected at every close. null would leave it pending (ioredis 6.0.0, closeHandler).
    maxRetriesPerRequest: 0,
    retryStrategy: () => RECONNECT_MIN_MS + Math.random() * (RECONNECT_MAX_MS - RECONNECT_MIN_MS),
  });
  let lastError: Error | undefined;
  redis.on('error', (error: Error) => {
    lastError = error;
  });
  const deadline = setTimeout(() => redis.disconnect(), OPEN_TIMEOUT_MS);
  try {
    await redis.connect();
  } catch (error) {
    redis.disconnect();
    const cause = lastError ?? (error as Error);
    throw new EngineUnusable(`Redis at ${addressOf(redis)} cannot be used: ${reasonOf(cause)}.`, { cause });
  } finally {
    clearTimeout(deadline);
  }
  let wasReady = true;
  redis.on('close', () => {
    if (wasReady) log.warn({ connection: name, reason: reasonOf(lastError) }, 'connection to Redis lost');
    wasReady = false;
    lastError = undefined;
  });
  redis.on('ready', () => {
    wasReady = true;
    log.info({ connection: name }, 'connected to Redis again');
  });
  return redis;
}

/** Waits for what is in flight, within reason, and leaves no timer or socket behind. */
export async function closeClient(redis: Redis): Promise<void> {
  redis.removeAllListeners('close');
  if (redis.status === 'end') return;
  // One that waits for its next try never reports its end: there is nothing to wait for.
  if (redis.status === 'reconnecting') return redis.disconnect();
  await new Promise<void>((resolve) => {
    const late = setTimeout(() => {
      redis.disconnect();
      resolve();
    }, CLOSE_TIMEOUT_MS);
    redis.once('end', () => {
      clearTimeout(late);
      resolve();
    });
    if (redis.status === 'ready') redis.quit().catch(() => undefined);
    else redis.disconnect();
  });
}

/** Sends a command; replies come as Buffers. */
export async function call(redis: Redis, name: string, args: Argument[]): Promise<Reply> {
  try {
    return (await redis.sendCommand(new Command(name, args, { replyEncoding: null }))) as Reply;
  } catch (error) {
    throw failureOf(redis, error as Error);
  }
}

/** Runs a script by its name, or with its text where Redis does not know it: NOSCRIPT means that nothing ran. */
export async function run(redis: Redis, script: Script, keys: string[], args: Argument[]): Promise<Reply> {
  try {
    return await call(redis, 'evalsha', [script.sha1, String(keys.length), ...keys, ...args]);
  } catch (error) {
    if (codeOf((error as Error).cause) !== 'NOSCRIPT') throw error;
    return await call(redis, 'eval', [script.source, String(keys.length), ...keys, ...args]);
  }
}

/** Errors of ours in what was sent, as opposed to a Redis that cannot or will not work now. */
const OUR_MISTAKES = new Set(['ERR', 'WRONGTYPE', 'CROSSSLOT']);

function failureOf(redis: Redis, error: Error): Error {
  // ioredis hangs the whole command on its errors: what publishers sent must not get into a log that way.
  Reflect.deleteProperty(error, 'command');
  const code = codeOf(error);
  if (code !== undefined) {
    if (OUR_MISTAKES.has(code)) return error;
    return new EngineUnavailable(`Redis refuses: ${code}`, { cause: error });
  }
  if (error.message === 'Command timed out' && redis.status === 'ready' && redis.stream.writable)
    redis.disconnect(true);
  return new EngineUnavailable(`Redis does not answer: ${reasonOf(error)}`, { cause: error });
}

/** The first word of an error that Redis itself sent: `OOM`, `LOADING`, `ERR` … */
function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || error.name !== 'ReplyError') return undefined;
  return /^[A-Z]+/.exec(error.message)?.[0] ?? 'ERR';
}

function addressOf(redis: Redis): string {
  const { host, port, path } = redis.options;
  return path ?? `${host}:${port}`;
}

/** Never contains the URL, which may hold a password. */
export function reasonOf(error: Error | undefined): string {
  if (error === undefined) return 'closed by the other side';
  const code = (error as NodeJS.ErrnoException).code;
  return error.message === '' ? (code ?? error.name) : error.message;
}
