/**
 * The outbox: changes without their 204, in the order in which they go out, each written down before it is sent where there is
 * somewhere to write. What another page left behind comes in front (`adoption.ts`).
 *
 * It gives up a change by its age, and says so: after `DEDUPE_TTL_S` a repeat would be merged a second time.
 */
import type { ClientClock } from './clock.ts';
import type { Dropped, Problem } from './contract.ts';
import { type Entry, settle } from './entry.ts';
import { ClientError } from './errors.ts';
import type { Nonces } from './nonces.ts';
import type { OutboxLimits } from './options.ts';
import type { OutboxStorage, StoredChange } from './storage.ts';

export interface OutboxDeps {
  readonly scope: string;
  readonly limits: Required<OutboxLimits>;
  readonly clock: ClientClock;
  readonly nonces: Nonces;
  /** Undefined where there is none: then everything is in memory. */
  readonly storage: () => Promise<OutboxStorage | undefined>;
  readonly dropped: (dropped: Dropped) => void;
  readonly notDurable: (thrown: unknown) => void;
}

export interface Outbox {
  readonly size: number;
  /** @throws {ClientError} `full`. */
  add(channel: string, bytes: Uint8Array, replace: string | undefined): { entry: Entry; done: Promise<void> };
  /** The first of each channel. */
  heads(): Entry[];
  /** It, and those of its channel that come after it. */
  from(entry: Entry): Entry[];
  has(entry: Entry): boolean;
  hasOf(from: string): boolean;
  accepted(entry: Entry): void;
  drop(entry: Entry, why: 'rejected' | 'expired', problem?: Problem): void;
  /** @returns Whether it was not sent yet, and so is gone. */
  takeBack(entry: Entry): boolean;
  /** Where they are written down, all go: they are others' now. */
  handOver(): Entry[];
  /** What was left behind goes out first. */
  prepend(entries: readonly Entry[]): void;
  entryOf(change: StoredChange): Entry;
  /** Rejects what waits; what is written down stays. */
  close(): void;
}

export function createOutbox(deps: OutboxDeps): Outbox {
  const { scope, limits, clock, nonces } = deps;
  let entries: Entry[] = [];
  let bytesHeld = 0;
  let isDurable = true;

  function write(entry: Entry): Promise<void> {
    const { change } = entry;
    const written = async () => {
      const [storage] = await Promise.all([deps.storage(), nonces.ready()]);
      if (!storage) return;
      if (isDurable) {
        await storage.put(change);
        entry.isStored = true;
      } else if (entry.isStored) await renumber(entry);
    };
    return written().catch((thrown) => {
      isDurable = false;
      deps.notDurable(thrown);
      return renumber(entry);
    });
  }

  /** Others may come to own the old nonce, by what of it is written down: this one must not be among theirs. */
  async function renumber(entry: Entry): Promise<void> {
    // What is written of it is older than what it is now.
    forget(entry);
    entry.isStored = false;
    giveUp();
    entry.change = { ...entry.change, ...nonces.next(entry.change.channel) };
    await nonces.ready();
  }

  const giveUp = () => nonces.giveUp(Promise.all(entries.map(({ stored }) => stored)));

  function remove(entry: Entry): boolean {
    const at = entries.indexOf(entry);
    if (at === -1) return false;
    entries.splice(at, 1);
    bytesHeld -= entry.change.bytes.length;
    return true;
  }

  /** Not waited for: what is found there again is sent again, and dropped as a repeat. */
  function forget({ change, isStored }: Entry): void {
    if (isStored)
      deps
        .storage()
        .then((storage) => storage?.delete(change))
        .catch(() => undefined);
  }

  function isFull(bytes: number): boolean {
    return entries.length >= limits.maxItems || bytesHeld + bytes > limits.maxBytes;
  }

  function entryOf(change: StoredChange): Entry {
    const ageMs = Math.max(0, clock.wallMs() - change.atMs);
    const bornMs = clock.elapsedMs() - ageMs;
    return { change, bornMs, replace: undefined, isSent: true, isStored: true, stored: undefined, waiting: [] };
  }

  function drop(entry: Entry, why: 'rejected' | 'expired', problem?: Problem): void {
    remove(entry);
    forget(entry);
    const { channel, bytes } = entry.change;
    deps.dropped({ channel, data: bytes, why, ...(problem && { problem }) });
    settle(entry, new ClientError(problem?.code ?? why, problem?.detail, problem));
  }

  function unsentLike(channel: string, replace: string | undefined): Entry | undefined {
    if (replace === undefined) return undefined;
    return entries.find((each) => each.replace === replace && each.change.channel === channel && !each.isSent);
  }

  return {
    get size() {
      return entries.length;
    },
    add(channel, bytes, replace) {
      const replaced = unsentLike(channel, replace);
      if (isFull(bytes.length) && !replaced) {
        deps.dropped({ channel, data: bytes, why: 'full' });
        throw new ClientError('full', 'too many changes have no 204 yet');
      }
      const atMs = clock.wallMs();
      const entry: Entry = replaced ?? {
        ...entryOf({ scope, ...nonces.next(channel), channel, bytes, atMs }),
        replace,
        isSent: false,
        isStored: false,
      };
      if (replaced) {
        bytesHeld -= entry.change.bytes.length;
        entry.change = { ...entry.change, bytes };
      } else entries.push(entry);
      bytesHeld += bytes.length;
      // One after the other: what is written last is what was said last.
      const stored: Promise<void> = Promise.resolve(entry.stored)
        .then(() => write(entry))
        .then(() => {
          if (entry.stored === stored) entry.stored = undefined;
        });
      entry.stored = stored;
      const done = new Promise<void>((resolve, reject) => entry.waiting.push({ resolve, reject }));
      return { entry, done };
    },
    heads() {
      for (const entry of [...entries]) {
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
    hasOf: (from) => entries.some(({ change }) => change.from === from),
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
    handOver() {
      giveUp();
      const found = entries.filter(({ isStored }) => isDurable || isStored);
      for (const entry of found) remove(entry);
      return found;
    },
    prepend(found) {
      entries = [...found, ...entries];
      for (const { change } of found) bytesHeld += change.bytes.length;
    },
    entryOf,
    close() {
      giveUp();
      for (const entry of entries.splice(0)) settle(entry, new ClientError('closed'));
    },
  };
}
