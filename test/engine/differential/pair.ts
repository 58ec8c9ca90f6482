/**
 * The two engines in step: every command goes to both, and their answers, and in the end what their observers were
 * told, must be equal. Counts what happened, so that a test can tell whether anything did.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { plain } from '../../contract/engine/kit.ts';
import { waitFor } from '../../support/wait.ts';
import type { Command, Side } from './side.ts';

/** An answer in comparable form; what it holds depends on the command. */
// biome-ignore lint/suspicious/noExplicitAny: the shape was checked by two engines giving the very same
export type Answer = any;

export interface Pair {
  /** Commands so far. */
  readonly commands: number;
  /** How often each kind of outcome was seen. */
  readonly outcomes: ReadonlyMap<string, number>;
  both(command: Command): Promise<Answer>;
  /** Waits until both have told a subscription's observer the same, as far as the first engine has. */
  compareBatches(id: number): Promise<void>;
  /** Waits until both have told these observers that they are suspect, once more than `before`. */
  awaitSuspicion(ids: readonly number[], before: readonly (readonly number[])[]): Promise<void>;
  suspicions(ids: readonly number[]): number[][];
}

function outcomesOf(command: Command, answer: Answer): string[] {
  const kind = answer?.kind;
  switch (command.kind) {
    case 'append':
      return (answer as string[]).map((outcome) => `append ${outcome}`);
    case 'peek':
      return [kind === 'held' ? 'peek held' : answer.entries.length > 0 ? 'peek entries' : 'peek nothing'];
    case 'commit': {
      const aside = kind === 'committed' && command.commit.unreadable.length > 0;
      return [`commit ${answer.reason ?? kind}`, ...(aside ? ['commit with entries set aside'] : [])];
    }
    case 'sweep': {
      if (kind !== 'swept') return ['sweep refused'];
      const forgot = (what: string) => (answer[what].length > 0 ? `sweep of ${what}` : `sweep of no ${what}`);
      return [forgot('channels'), forgot('publishers')];
    }
    case 'history':
      if (kind === 'gap') return [`history gap ${answer.reason}`];
      if (command.after === null) return ['history newest'];
      return [answer.events.length > 0 ? 'history events' : 'history nothing after'];
    case 'renew':
      return [`renew ${kind}`, `renew ${kind} by ${command.evidence.kind}`];
    case 'erase':
      if (answer === null) return ['erase in another epoch'];
      return [`erase ${answer.events > 0 ? 'events' : answer.fields > 0 ? 'fields' : 'nothing'}`];
    case 'eraseWaiting':
      return [answer > 0 ? 'erase what waits' : 'erase of nothing that waits'];
    default:
      return [command.kind];
  }
}

/** @param seed Of the run, for the report of a difference. */
export function createPair(first: Side, second: Side, seed: number): Pair {
  const outcomes = new Map<string, number>();
  let commands = 0;

  function count(outcome: string): void {
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }

  function differ(what: unknown, one: unknown, other: unknown): Error {
    const show = (value: unknown) => JSON.stringify(plain(value), null, 1).replace(/\n\s*/g, ' ');
    return new Error(
      `seed ${seed}, command ${commands}: ${show(what)}\n first: ${show(one)}\nsecond: ${show(other)}\n`,
    );
  }

  return {
    get commands() {
      return commands;
    },
    outcomes,

    async both(command) {
      const [one, other] = [(await first.perform(command)) as Answer, (await second.perform(command)) as Answer];
      if (!isDeepStrictEqual(one, other) || one?.kind === 'rejected') throw differ(command, one, other);
      for (const outcome of outcomesOf(command, one)) count(outcome);
      commands++;
      return one;
    },

    async compareBatches(id) {
      await sleep(0);
      const one = first.batches(id);
      await waitFor(() => second.batches(id).length >= one.length, {
        what: () => differ({ subscription: id }, one, second.batches(id)).message,
      });
      const other = second.batches(id);
      if (!isDeepStrictEqual(one, other)) throw differ({ subscription: id }, one, other);
      for (const _ of one) count('batch published');
    },

    suspicions: (ids) => [first, second].map((side) => ids.map((id) => side.suspected(id))),

    async awaitSuspicion(ids, before) {
      await waitFor(
        () => [first, second].every((side, s) => ids.every((id, i) => side.suspected(id) > before[s]![i]!)),
        { what: () => `every observer to be suspect (seed ${seed}, command ${commands})` },
      );
      for (const _ of ids) count('observer suspect');
    },
  };
}
