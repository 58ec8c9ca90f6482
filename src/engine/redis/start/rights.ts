/**
 * Whether our Redis user may do all that we ask of Redis, asked at the start and whenever Redis has refused something: a
 * script that is refused in its middle leaves half of what it writes behind.
 *
 * What the scripts call is read from their text, so that no command can be forgotten here.
 */
import type { Redis } from 'ioredis';
import { EngineUnusable } from '../../../errors.ts';
import { refusedCommand, replyCodeOf, run } from '../nodes/calls.ts';
import { scripts } from '../scripts.ts';

export interface RightsWanted {
  /** What every key and pub/sub name begins with. */
  readonly prefix: string;
  /** Of a Cluster, whose nodes are asked who serves what. */
  readonly isCluster: boolean;
  readonly waitReplicas: number;
}

/**
 * What we send beside scripts and cannot do without. Not in it: CONFIG GET, CLIENT SETNAME and QUIT, which are asked for
 * and may be refused.
 */
const PLAIN = ['PING', 'INFO', 'EVAL x 1', 'EVALSHA x 1', 'SSUBSCRIBE', 'SUNSUBSCRIBE'];
const OF_CLUSTER = ['ASKING', 'CLUSTER SLOTS', 'CLUSTER INFO'];
/** Their patterns are of pub/sub names (`&`), all others' of keys (`~`). */
const OF_CHANNELS = new Set(['SPUBLISH', 'SSUBSCRIBE', 'SUNSUBSCRIBE']);

/** `redis.call('HSET', …`, `redis.call('MEMORY', 'USAGE', …`, and functions of a script that are given a command. */
const CALLED = /\(\s*'([A-Z]+)'(?:\s*,\s*'([A-Z]+)')?/g;

const calledByScripts = new Set(
  Object.values(scripts).flatMap(({ source }) =>
    Array.from(source.replaceAll(/--.*$/gm, '').matchAll(CALLED), ([, name, subcommand]) =>
      subcommand === undefined ? name! : `${name} ${subcommand}`,
    ),
  ),
);

/** Throws an EngineUnusable that names what is missing. */
export async function checkRights(main: Redis, address: string, wanted: RightsWanted): Promise<void> {
  const { prefix, isCluster, waitReplicas } = wanted;
  const commands = [
    ...new Set([
      ...PLAIN,
      ...calledByScripts,
      ...(isCluster ? OF_CLUSTER : []),
      ...(waitReplicas > 0 ? ['WAIT'] : []),
      ...((main.options.db ?? 0) > 0 ? ['SELECT'] : []),
    ]),
  ];
  let answers: number[];
  try {
    // Looks as the longest of our names do; it need not exist.
    answers = (await run(main, scripts.rights, [], [`${prefix}:{0}:e:x`, ...commands])) as number[];
  } catch (error) {
    throw withoutRight(error, address) ?? error;
  }
  const refused = commands.map((command, i) => ({ command, why: answers[i]! })).filter(({ why }) => why > 0);
  if (refused.length > 0) throw new EngineUnusable(sentence(address, prefix, refused));
}

/** Undefined unless Redis refused it for want of a right. */
export function withoutRight(error: unknown, address: string): EngineUnusable | undefined {
  if (replyCodeOf(error) !== 'NOPERM') return undefined;
  const command = refusedCommand(error);
  const words =
    command === undefined
      ? `The user of Redis at ${address} may not do what is needed: ${(error as Error).message}.`
      : `The user of Redis at ${address} may not run ${command.toUpperCase()}: add ${right(command)}.`;
  return new EngineUnusable(words, { cause: error });
}

interface Refused {
  readonly command: string;
  /** 1 the command itself, 2 the command with a name of ours (`lua/rights.lua`). */
  readonly why: number;
}

function sentence(address: string, prefix: string, refused: readonly Refused[]): string {
  const names = refused.map(({ command }) => nameOf(command));
  const rights = refused.map(({ command, why }) => {
    if (why === 1) return right(command);
    return `${OF_CHANNELS.has(command) ? '&' : '~'}${prefix}:*`;
  });
  return (
    `The user of Redis at ${address} may not run ${names.join(', ')} on ${prefix}:*: ` +
    `add ${[...new Set(rights)].join(' ')} to its rights.`
  );
}

function nameOf(command: string): string {
  return command.replace(/ x 1$/, '');
}

/** As ACL SETUSER takes it. */
function right(command: string): string {
  return `+${nameOf(command).toLowerCase().replace(' ', '|')}`;
}
