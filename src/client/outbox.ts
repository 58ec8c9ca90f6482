/**
 * The outbox: changes without their 204, in the order in which they go out, each written down before it is sent where there is
 * somewhere to write (`keeper.ts`). What another page left behind comes in front (`adoption.ts`).
 *
 * It gives up a change by its age, and says so: after `DEDUPE_TTL_S` a repeat would be merged a second time.
 */
import type { ClientClock } from './clock.ts';
import type { Dropped, Problem } from './contract.ts';
import { type Entry, entryOf, settle, withEnding } from './entry.ts';
import { ClientError } from './errors.ts';
import type { Nonces } from './nonces.ts';
import type { OutboxLimits } from './options.ts';

/** Writes changes down (`keeper.ts`). */
export interface Keeper {
  /** Whether what is published now is written down. */
  readonly isDurable: boolean;
  /** As it is now. */
  keep(entry: Entry): Promise<void>;
  /** Not waited for: what is found there again is sent again, and dropped as a repeat. */
  forget(entry: Entry): Promise<void>;
}

export interface OutboxDeps {
  readonly scope: string;
  readonly limits: Required<OutboxLimits>;
  readonly clock: ClientClock;
  readonly nonces: Nonces;
  /** Undefined where nothing is written down. Never rejects. */
  readonly keeper: () => Promise<Keeper | undefined>;
  readonly dropped: (dropped: Dropped) => void;
}

export interface Outbox {
  /** In the order in which they go out. */
  all: Entry[];
  /** @throws {ClientError} `full`. */
  add(channel: string, bytes: Uint8Array, replace: string | undefined): { entry: Entry; done: Promise<void> };
  /** The first of each channel. */
  heads(): Entry[];
  /** It, and those of its channel that come after it. */
  from(entry: Entry): Entry[];
  has(entry: Entry): boolean;
  accepted(entry: Entry): void;
  drop(entry: Entry, why: 'rejected' | 'expired', problem?: Problem): void;
  /** @returns Whether it was not sent yet, and so is gone. */
  takeBack(entry: Entry): boolean;
  /** What is published next has another nonce. */
  giveUp(): void;
  /** Rejects what waits; what is written down stays. */
  close(): void;
}

export function createOutbox(deps: OutboxDeps): Outbox {
  const { scope, limits, clock, nonces } = deps;
  let entries: Entry[] = [];

  const giveUp = () => nonces.giveUp(Promise.all(entries.map(({ stored }) => stored)));

  function remove(entry: Entry): boolean {
    const isThere = entries.includes(entry);
    entries = entries.filter((each) => each !== entry);
    return isThere;
  }

  function forget(entry: Entry): void {
    void deps.keeper().then((keeper) => keeper?.forget(entry));
  }

  function isFull(bytes: number): boolean {
    const all = entries.reduce((sum, { change }) => sum + change.bytes.length, bytes);
    return entries.length >= limits.maxItems || all > limits.maxBytes;
  }

  function drop(entry: Entry, why: 'rejected' | 'expired', problem?: Problem): void {
    remove(entry);
    forget(entry);
    const { channel, bytes } = entry.change;
    deps.dropped({ channel, data: bytes, why, ...(problem && { problem }) });
    settle(entry, new ClientError(why, problem));
  }

  function unsentLike(channel: string, replace: string | undefined): Entry | undefined {
    if (replace === undefined) return undefined;
    return entries.find((each) => each.replace === replace && each.change.channel === channel && !each.isSent);
  }

  return {
    get all() {
      return entries;
    },
    set all(all) {
      entries = all;
    },
    add(channel, bytes, replace) {
      const replaced = unsentLike(channel, replace);
      if (isFull(bytes.length) && !replaced) {
        deps.dropped({ channel, data: bytes, why: 'full' });
        throw new ClientError('full');
      }
      const made = () => ({ scope, ...nonces.next(channel), channel, bytes, atMs: clock.wallMs() });
      const entry = replaced ?? entryOf(made(), clock.elapsedMs(), false, replace);
      if (replaced) entry.change = { ...entry.change, bytes };
      else entries.push(entry);
      // One after the other: what is written last is what was said last.
      const stored: Promise<void> = Promise.resolve(entry.stored)
        .then(deps.keeper)
        .then((keeper) => (keeper ? keeper.keep(entry) : nonces.ready()))
        // Without its lock or tag it is sent all the same.
        .catch(() => undefined)
        .then(() => {
          if (entry.stored === stored) entry.stored = undefined;
        });
      entry.stored = stored;
      return { entry, done: withEnding((end) => entry.waiting.push(end)) };
    },
    heads() {
      for (const entry of entries) {
        if (clock.elapsedMs() - entry.bornMs > limits.maxAgeMs) drop(entry, 'expired');
      }
      const seen = new Set<string>();
      return entries.filter(({ change }) => !seen.has(change.channel) && seen.add(change.channel));
    },
    from(entry) {
      const rest = entries.slice(entries.indexOf(entry));
      return rest.filter(({ change }) => change.channel === entry.change.channel);
    },
    has: (entry) => entries.includes(entry),
    accepted(entry) {
      remove(entry);
      forget(entry);
      settle(entry);
    },
    drop,
    takeBack(entry) {
      if (entry.isSent || !remove(entry)) return false;
      void Promise.resolve(entry.stored).then(() => forget(entry));
      settle(entry, new ClientError('aborted'));
      return true;
    },
    giveUp,
    close() {
      giveUp();
      for (const entry of entries.splice(0)) settle(entry, new ClientError('closed'));
    },
  };
}
