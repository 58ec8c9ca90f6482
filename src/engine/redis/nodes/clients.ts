/**
 * Connections to Redis: how they are opened, come back and end.
 *
 * Invariant: a command is sent once, never queued while the connection is down and never sent again by ioredis; it
 * always settles: with its reply, at once when the connection closes, else after `commandTimeoutMs`.
 */
import { Redis } from 'ioredis';
import type { EngineLog } from '../log.ts';
import { unusable } from '../start/start-checks.ts';
import { addressOf, type Target } from './addresses.ts';
import { reasonOf } from './calls.ts';

export interface ClientOptions {
  readonly target: Target;
  /** What it is for; operators see it in CLIENT LIST and in the log. */
  readonly name: string;
  readonly commandTimeoutMs: number;
  readonly log: EngineLog;
}

/** A connection that takes longer is no better than none. Time for one lost SYN. */
const CONNECT_TIMEOUT_MS = 2_000;
/** A Sentinel that takes longer is passed over for the next. */
const SENTINEL_TIMEOUT_MS = 1_000;
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

/** Begins to connect, and connects again whenever the connection is lost, until `closeClient`. */
export function createClient(options: ClientOptions): Redis {
  const redis = unconnected(options, reconnectMs);
  logLosses(redis, options, false);
  // The retry strategy goes on after a first failure as after any other.
  redis.connect().catch(() => undefined);
  return redis;
}

/** Connects and resolves when Redis takes commands; from then on connects again until `closeClient`. */
export async function openClient(options: ClientOptions): Promise<Redis> {
  let isOpen = false;
  // At first, once round all Sentinels is enough to say that it cannot be done.
  const redis = unconnected(options, () => (isOpen ? reconnectMs() : null));
  let failure: Error | undefined;
  // What the Sentinels said comes before ioredis' summary, which leaves it out.
  redis.on('sentinelError', (error: Error) => {
    failure = error;
  });
  redis.on('error', (error: Error) => {
    if (!error.message.startsWith('All sentinels')) failure = error;
  });
  const deadline = setTimeout(() => redis.disconnect(), OPEN_TIMEOUT_MS);
  try {
    await redis.connect();
  } catch (error) {
    redis.disconnect();
    throw unusable(addressOf(options.target), failure ?? (error as Error));
  } finally {
    clearTimeout(deadline);
  }
  isOpen = true;
  logLosses(redis, options, true);
  return redis;
}

function unconnected({ target, name, commandTimeoutMs }: ClientOptions, sentinelRetryMs: () => number | null): Redis {
  return new Redis({
    ...target,
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
    retryStrategy: reconnectMs,
    // null ends the client for ever.
    sentinelRetryStrategy: sentinelRetryMs,
    sentinelCommandTimeout: SENTINEL_TIMEOUT_MS,
    ...(target.tls && { sentinelTLS: target.tls, enableTLSForSentinelMode: true }),
  });
}

function reconnectMs(): number {
  return RECONNECT_MIN_MS + Math.random() * (RECONNECT_MAX_MS - RECONNECT_MIN_MS);
}

/** One line when the connection is lost, one when it is there again, none for the tries in between. */
function logLosses(redis: Redis, { name, log, target }: ClientOptions, isReady: boolean): void {
  let lastError: Error | undefined;
  let wasReady = isReady;
  const fields = { connection: name, server: addressOf(target) };
  redis.on('error', (error: Error) => {
    lastError = error;
  });
  redis.on('close', () => {
    if (wasReady) log.warn({ ...fields, reason: reasonOf(lastError) }, 'connection to Redis lost');
    wasReady = false;
    lastError = undefined;
  });
  redis.on('ready', () => {
    wasReady = true;
    log.info(fields, 'connected to Redis');
  });
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
