/**
 * Whether what is in the store is meant for us: as many shards as we believe, in a format that we can read. Asked at the start, where
 * another answer ends the process, and every few seconds since: a store may be emptied, restored or changed for another
 * underneath. Then nothing is read or written until it is ours again.
 */
import { EngineForbidden, EngineUnusable } from '../../../errors.ts';
import type { EngineLog } from '../log.ts';

/**
 * Of the data: keys, what is in them, what scripts mean by it. 1 is that of all versions so far, also of those that wrote no number. It
 * is raised by a change that older versions must not work on; what they can pass over needs none.
 */
export const FORMAT = 1;

/** What a store was begun with. */
export interface Claim {
  readonly shards: number;
  readonly format: number;
}

export interface Fit {
  /** Why nothing may be asked of the store; undefined while it is ours. */
  readonly problem: EngineForbidden | undefined;
  /** Asks again, if it has been a while. Rejects while the store is not ours. */
  check(): Promise<void>;
}

/** A store that was changed underneath is noticed within so long; a question is one small read. */
const CHECK_EVERY_MS = 5_000;

/** A sentence for the operator when a store that was begun so is not for us. */
export function misfit(claimed: Claim, shards: number, where: string): string | undefined {
  if (claimed.format !== FORMAT) {
    return `The data of this store is of format ${claimed.format} (${where}), and this version reads and writes format ${FORMAT}: it needs the version that made it, or another store.`;
  }
  if (claimed.shards !== shards) {
    return `SHARDS is ${shards}, but this store was begun with ${claimed.shards} (${where}): it cannot be changed later.`;
  }
  return undefined;
}

export interface FitWanted {
  readonly shards: number;
  /** The keys that say so, for people. */
  readonly where: string;
  readonly log: EngineLog;
}

/** Rejects with an EngineUnusable when the store is not for us. */
export async function createFit(claim: () => Promise<Claim>, { shards, where, log }: FitWanted): Promise<Fit> {
  const first = misfit(await claim(), shards, where);
  if (first !== undefined) throw new EngineUnusable(first);
  let askedMs = performance.now();
  let problem: EngineForbidden | undefined;

  function judge(claimed: Claim): void {
    const sentence = misfit(claimed, shards, where);
    if (sentence !== undefined && sentence !== problem?.message) {
      log.error({ ...claimed }, `${sentence} Nothing is asked of it until it is ours again.`);
    }
    if (sentence === undefined && problem) log.info({ ...claimed }, 'the store is ours again');
    problem = sentence === undefined ? undefined : new EngineForbidden(sentence);
  }

  return {
    get problem() {
      return problem;
    },
    async check() {
      if (performance.now() - askedMs >= CHECK_EVERY_MS || problem) {
        askedMs = performance.now();
        judge(await claim());
      }
      if (problem) throw problem;
    },
  };
}
