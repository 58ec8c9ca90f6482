/**
 * The contract of where sessions and tickets are kept, for all processes of a fleet: few small texts, each for a time, and news of those
 * that were changed. It knows nothing of what they say. `test/contract/passes.ts` is the same in executable form.
 *
 * Words: a text has a *name*, and is of a *group* (`session-key.ts`). What is atomic, is atomic per group.
 *
 * Failure: whatever is unknown, because the store is away, too slow or refuses to work, rejects with an `EngineUnavailable`. A write may
 * then have taken effect or not.
 */

export interface PassChange {
  readonly name: string;
  /** What has to be there; null: nothing; undefined: whatever it is. */
  readonly before?: string | null;
  /** What is there from then on; null: nothing. */
  readonly after: string | null;
  /** For how long, milliseconds; no matter without a text. */
  readonly ttlMs?: number;
}

/** Up to where somebody knows the news of a group. To others it says nothing. */
export interface NewsMark {
  /** Of the group's news: another, and what was before is not known any more. */
  readonly epoch: string;
  readonly rev: number;
}

export interface News {
  readonly mark: NewsMark;
  /** What was told since; null where it may be anything. */
  readonly keys: readonly string[] | null;
}

export interface PassListener {
  changed(key: string): void;
  /** Of this group anything may have been told that did not arrive. */
  missed(group: number): void;
}

export interface PassSubscription {
  /** No further call to the listener. Does not fail. */
  close(): void;
}

export interface PassStore {
  /** The texts of these names now, in their order; null for none. @param names 1 to 100. */
  read(group: number, names: readonly string[]): Promise<(string | null)[]>;
  /**
   * All of it or, where something is not as it has to be, nothing.
   *
   * @param told Keys whose change is news.
   * @returns Whether it was done.
   */
  write(group: number, changes: readonly PassChange[], told: readonly string[]): Promise<boolean>;
  /** What was told after the mark, each key once. @param since null: nothing is known yet, and nothing is asked but where now is. */
  news(group: number, since: NewsMark | null): Promise<News>;
  /** Tells of all news from the moment it resolves on, as a rule: one may be lost, and only `news` finds it then. */
  listen(listener: PassListener): Promise<PassSubscription>;
}

/** News of a group that are remembered one by one: more between two looks, and it may be anything. */
export const NEWS_KEPT = 1_000;
