/**
 * The one way to send a command to Redis, and what its failures mean.
 *
 * Whoever is told `EngineUnavailable` does not know whether the command ran, unless `replyCodeOf` says that Redis
 * refused it. A reply that is too late means that the connection is not to be trusted with more, so it is replaced:
 * what a silent Redis has not read yet must not pile up.
 */
import type { Redis } from 'ioredis';
import { EngineUnavailable } from '../../../errors.ts';
import { WholeCommand } from './whole-command.ts';

export type Argument = string | Buffer;
export type Reply = Buffer | number | null | Reply[];

export interface Script {
  readonly source: string;
  readonly sha1: string;
}

/** Sends a command; replies come as Buffers. */
export async function call(redis: Redis, name: string, args: Argument[]): Promise<Reply> {
  try {
    return (await redis.sendCommand(new WholeCommand(name, args, { replyEncoding: null }))) as Reply;
  } catch (error) {
    throw failureOf(redis, error as Error);
  }
}

/**
 * Runs a script by its name, or with its text where Redis does not know it: NOSCRIPT means that nothing ran.
 *
 * @param isAsked This node of a Cluster is about to get the slot, and another has sent us here (ASK).
 */
export async function run(
  redis: Redis,
  script: Script,
  keys: string[],
  args: Argument[],
  isAsked = false,
): Promise<Reply> {
  const count = String(keys.length);
  try {
    if (isAsked) ask(redis);
    return await call(redis, 'evalsha', [script.sha1, count, ...keys, ...args]);
  } catch (error) {
    if (replyCodeOf(error) !== 'NOSCRIPT') throw error;
    if (isAsked) ask(redis);
    return await call(redis, 'eval', [script.source, count, ...keys, ...args]);
  }
}

/** Holds for the one command sent next. Should it fail, so does that. */
function ask(redis: Redis): void {
  call(redis, 'asking', []).catch(() => undefined);
}

/** Gives up the connection for a new one; what is in flight is rejected. */
export function replaceConnection(redis: Redis): void {
  // In any other state a new one is on its way already, and a Sentinel client would be ended by this (ioredis 6.0.0).
  if (redis.status === 'ready' && redis.stream.writable) redis.disconnect(true);
}

/** Errors of ours in what was sent, as opposed to a Redis that cannot or will not work now. */
const OUR_MISTAKES = new Set(['ERR', 'WRONGTYPE', 'CROSSSLOT']);

function failureOf(redis: Redis, error: Error): Error {
  // ioredis hangs the whole command on its errors: what publishers sent must not get into a log that way.
  Reflect.deleteProperty(error, 'command');
  const code = codeOf(error);
  if (code !== undefined) {
    if (OUR_MISTAKES.has(code)) return error;
    // A primary that was made a replica behind our back: the next connection asks the Sentinels for the new one.
    if (code === 'READONLY') replaceConnection(redis);
    return new EngineUnavailable(`Redis refuses: ${code}`, { cause: error });
  }
  if (error.message === 'Command timed out') replaceConnection(redis);
  return new EngineUnavailable(`Redis does not answer: ${reasonOf(error)}`, { cause: error });
}

/** Whether Redis itself sent it. */
export function isReply(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}

/** The first word of an error that Redis itself sent: `OOM`, `LOADING`, `ERR` … */
function codeOf(error: unknown): string | undefined {
  if (!isReply(error)) return undefined;
  return /^[A-Z]+/.exec(error.message)?.[0] ?? 'ERR';
}

/** The same of an error that `call` threw. */
export function replyCodeOf(error: unknown): string | undefined {
  return codeOf((error as Error).cause);
}

/** Never contains the URL, which may hold a password. */
export function reasonOf(error: Error | undefined): string {
  if (error === undefined) return 'closed by the other side';
  const code = (error as NodeJS.ErrnoException).code;
  return error.message === '' ? (code ?? error.name) : error.message;
}
