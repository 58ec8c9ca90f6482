/**
 * The one way to send a command to Redis, and what its failures mean.
 *
 * Whoever is told `EngineUnavailable` does not know whether the command ran, unless `replyCodeOf` says that Redis
 * refused it. One that is too late fails for itself (`patience.ts`): what others have under way on its connection may still be
 * answered, and nobody follows until it is.
 */
import type { Redis } from 'ioredis';
import { EngineUnavailable } from '../../../errors.ts';
import { patienceOf } from './patience.ts';
import { replaceConnection } from './replacing.ts';
import { WholeCommand } from './whole-command.ts';

export type Argument = string | Buffer;
export type Reply = Buffer | number | null | Reply[];

export interface Script {
  readonly source: string;
  readonly sha1: string;
}

/**
 * What a connection tells those who hold it (`redis.on`): that its server takes no writes, or that our user may not do there
 * what we need. Whoever sent the command is told as well, as of any failure.
 */
export const DEMOTED = 'demoted';
export const FORBIDDEN = 'forbidden';

/** Sends a command; replies come as Buffers. */
export async function call(redis: Redis, name: string, args: Argument[]): Promise<Reply> {
  const command = new WholeCommand(name, args, { replyEncoding: null });
  const patience = patienceOf(redis);
  if (patience.isInDoubt) throw new EngineUnavailable('Redis has not answered in time what was asked before');
  patience.begin(command);
  try {
    return (await redis.sendCommand(command)) as Reply;
  } catch (error) {
    throw failureOf(error as Error);
  } finally {
    patience.end(command);
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
    if (replyCodeOf(error) !== 'NOSCRIPT') throw noted(redis, error);
    if (isAsked) ask(redis);
    try {
      return await call(redis, 'eval', [script.source, count, ...keys, ...args]);
    } catch (error) {
      throw noted(redis, error);
    }
  }
}

/** The error of a command that we cannot do without, after those who hold the connection were told of it. */
export function noted(redis: Redis, error: unknown): unknown {
  const code = replyCodeOf(error);
  if (code === 'NOPERM') redis.emit(FORBIDDEN);
  // A primary that was made a replica behind our back: the next connection asks the Sentinels for the new one.
  if (code === 'READONLY') {
    redis.emit(DEMOTED);
    replaceConnection(redis);
  }
  return error;
}

/** Holds for the one command sent next. Should it fail, so does that. */
function ask(redis: Redis): void {
  call(redis, 'asking', []).catch(() => undefined);
}

/** Errors of ours in what was sent, as opposed to a Redis that cannot or will not work now. */
const OUR_MISTAKES = new Set(['ERR', 'WRONGTYPE', 'CROSSSLOT']);
/** What Redis refuses in words that begin with ERR like our mistakes, and the code that says what it means. */
const REFUSALS: readonly (readonly [RegExp, string])[] = [
  // Of a command in a script, as Redis 7.0 and later ones say it.
  [/^ERR (The user executing the script can't|ACL failure in script)/, 'NOPERM'],
  // An operator's SCRIPT KILL, which Redis allows only while the script has written nothing.
  [/^ERR (Error running script.*)?Script killed by user/, 'KILLED'],
  [/^ERR WAIT cannot be used with replica/, 'READONLY'],
];

function failureOf(error: Error): Error {
  // ioredis hangs the whole command on its errors: what publishers sent must not get into a log that way.
  Reflect.deleteProperty(error, 'command');
  const code = codeOf(error);
  if (code !== undefined) {
    if (OUR_MISTAKES.has(code)) return error;
    return new EngineUnavailable(`Redis refuses: ${code}`, { cause: error });
  }
  return new EngineUnavailable(`Redis does not answer: ${reasonOf(error)}`, { cause: error });
}

/** Whether Redis itself sent it. */
export function isReply(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}

/** The first word of an error that Redis itself sent: `OOM`, `LOADING`, `ERR` …, or what it means by ERR. */
function codeOf(error: unknown): string | undefined {
  if (!isReply(error)) return undefined;
  const { message } = error;
  const code = /^[A-Z]+/.exec(message)?.[0] ?? 'ERR';
  return code === 'ERR' ? (REFUSALS.find(([words]) => words.test(message))?.[1] ?? code) : code;
}

/** The same of an error that `call` threw. */
export function replyCodeOf(error: unknown): string | undefined {
  return codeOf((error as Error).cause);
}

/** Whether an error that `call` threw is that nothing came: no answer in time, or the end of the connection. */
export function isSilence(error: unknown): boolean {
  const cause = (error as Error).cause;
  return cause !== undefined && !isReply(cause);
}

/** Which command our user may not run, of an error that `call` threw; undefined where Redis does not name it. */
export function refusedCommand(error: unknown): string | undefined {
  const cause = (error as Error).cause;
  return isReply(cause) ? /run the '([^']+)' command/.exec(cause.message)?.[1] : undefined;
}

/** Never contains the URL, which may hold a password. */
export function reasonOf(error: Error | undefined): string {
  if (error === undefined) return 'closed by the other side';
  const code = (error as NodeJS.ErrnoException).code;
  return error.message === '' ? (code ?? error.name) : error.message;
}
