/**
 * Whether our Redis user may do all that we ask of Redis (`needs.ts`), asked at the start and whenever Redis has refused something: a
 * script that is refused in its middle leaves half of what it writes behind.
 */
import type { Redis } from 'ioredis';
import { EngineUnusable } from '../../../errors.ts';
import { refusedCommand, replyCodeOf, run } from '../nodes/calls.ts';
import { scripts } from '../scripts.ts';
import { type Guest, type Question, questionsOf, type RedisRole } from './needs.ts';

export interface RightsWanted {
  /** What every key and pub/sub name begins with. */
  readonly prefix: string;
  /** Of a Cluster, whose nodes are asked who serves what. */
  readonly isCluster: boolean;
  readonly waitReplicas: number;
  readonly roles: readonly RedisRole[];
  readonly guest?: Guest;
}

/** Throws an EngineUnusable that names what is missing. */
export async function checkRights(main: Redis, address: string, wanted: RightsWanted): Promise<void> {
  const { prefix, waitReplicas, roles } = wanted;
  const waits = waitReplicas > 0 && roles.includes('bucket');
  const more = [...(waits ? ['WAIT'] : []), ...((main.options.db ?? 0) > 0 ? ['SELECT'] : [])];
  const questions = questionsOf({ ...wanted, more });
  let answers: number[];
  try {
    const args = questions.flatMap(({ command, names }) => [command, names.join(' ')]);
    answers = (await run(main, scripts.rights, [], args)) as number[];
  } catch (error) {
    throw withoutRight(error, address) ?? error;
  }
  const refused = questions.map((question, i) => ({ ...question, why: answers[i]! })).filter(({ why }) => why > 0);
  if (refused.length === 0) return;
  // A merger has a use for all there is.
  const [on, rights] = roles.includes('merger') ? wholly(refused, prefix) : apart(refused);
  const names = new Set(refused.map(({ command }) => nameOf(command)));
  throw new EngineUnusable(
    `The user of Redis at ${address} may not run ${[...names].join(', ')}${on}: add ${rights} to its rights.`,
  );
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

interface Refused extends Question {
  /** 1 the command itself, 2 the command with names of ours (`lua/rights.lua`). */
  readonly why: number;
}

/** Where, and the rights that are missing, for a user that is to have all of our names. */
function wholly(refused: readonly Refused[], prefix: string): [on: string, rights: string] {
  const on = `${prefix}:*`;
  const rights = refused.map(({ command, of, why }) => (why === 1 ? right(command) : `${sigil(of)}${on}`));
  return [` on ${on}`, [...new Set(rights)].join(' ')];
}

/** The same for a user of a part of them: a right goes with its names, as a selector of Redis. */
function apart(refused: readonly Refused[]): [on: string, rights: string] {
  const byNames = new Map<string, Set<string>>();
  for (const { command, names, of } of refused) {
    const patterns = names.map((name) => `${sigil(of)}${patternOf(name)}`).join(' ');
    const rights = byNames.get(patterns) ?? new Set();
    byNames.set(patterns, rights.add(right(command)));
  }
  const rights = Array.from(byNames, ([patterns, all]) => {
    const commands = [...all].join(' ');
    return patterns === '' ? commands : `(${patterns} ${commands})`;
  });
  const on = new Set(refused.flatMap(({ names }) => names.map(patternOf)));
  return [on.size > 0 ? ` on ${[...on].join(' ')}` : '', rights.join(' ')];
}

/** Of all shards and channels. */
function patternOf(name: string): string {
  return name.replace('{0}', '{*}').replace(/:x$/, ':*');
}

function sigil(of: Question['of']): string {
  return of === 'channels' ? '&' : '~';
}

function nameOf(command: string): string {
  return command.replace(/ x \d+$/, '');
}

/** As ACL SETUSER takes it. */
function right(command: string): string {
  return `+${nameOf(command).toLowerCase().replace(' ', '|')}`;
}
