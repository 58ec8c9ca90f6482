/**
 * What a page left behind is sent by another, or by the next start, once its owner is gone: closed, killed, frozen or put into the
 * back/forward cache, and so without its lock. Whoever has the lock of a nonce sends its changes; nobody counts on with it.
 *
 * A page that comes back asks for what it left, under the same lock: what is no longer there has been sent by another.
 */
import type { ClientClock } from './clock.ts';
import { type Entry, entryOf, settle } from './entry.ts';
import { type Locks, tryLock } from './locks.ts';
import { lockOf, type Nonces } from './nonces.ts';
import type { Keeper, Outbox } from './outbox.ts';
import type { OutboxStorage, StoredChange } from './storage.ts';

export interface AdoptionDeps {
  readonly scope: string;
  readonly clock: ClientClock;
  readonly outbox: Outbox;
  readonly keeper: Keeper;
  readonly nonces: Nonces;
  readonly storage: OutboxStorage;
  readonly locks: Locks | undefined;
}

export interface Adoption {
  /** Takes what nobody else has. */
  look(): Promise<void>;
  /** Lets go of everything that others can find, which is others' now. */
  handOver(): void;
  /** Those that were sent are given back. */
  released(): void;
  /** Whether somebody else has something of ours, so that one must look again. */
  readonly isWaiting: boolean;
  close(): void;
}

function keyOf({ from, channel, seq }: StoredChange): string {
  return `${from} ${channel} ${seq}`;
}

export function createAdoption({ scope, clock, outbox, keeper, nonces, storage, locks }: AdoptionDeps): Adoption {
  const held = new Map<string, () => void>();
  /** Ours, and handed over. */
  const away = new Map<string, Entry>();
  let looking: Promise<void> = Promise.resolve();
  /** How often everything was let go of: a look that was under way then must not keep what it gets after it. */
  let lettings = 0;
  let isLooking = false;

  const list = () => storage.list(scope);
  const hasOf = (from: string) => outbox.all.some(({ change }) => change.from === from);

  /** What was left behind goes out first. */
  function prepend(entries: readonly Entry[]): void {
    outbox.all = [...entries, ...outbox.all];
  }

  async function look(mine: number): Promise<void> {
    // What could not be written down is known to nobody else: it has a nonce that nobody else sends with (`keeper.ts`).
    for (const [key, entry] of [...away]) {
      await entry.stored;
      if (!entry.isStored && away.delete(key)) prepend([entry]);
    }
    await nonces.letGo();
    const froms = new Set((await list()).map(({ from }) => from));
    for (const { change } of away.values()) froms.add(change.from);
    const all: StoredChange[][] = [];
    for (const from of froms) {
      // Without locks nothing else says that it is our own.
      if (held.has(from) || nonces.isCurrent(from) || hasOf(from)) continue;
      const release = locks ? await tryLock(locks, lockOf(from)) : () => undefined;
      if (!release) continue;
      if (mine !== lettings) return release();
      held.set(from, release);
      await nonces.adopt(from);
      // Only now: its owner may have gone on until it lost the lock.
      const left = (await list()).filter((change) => change.from === from);
      if (left[0]) all.push(left.sort((a, b) => a.seq - b.seq));
    }
    if (mine !== lettings) return;
    const oldestFirst = all.sort(([a], [b]) => a!.atMs - b!.atMs);
    prepend(oldestFirst.flat().map(takeUp));
    for (const [key, entry] of away) {
      if (!held.has(entry.change.from)) continue;
      away.delete(key);
      settle(entry);
    }
  }

  function takeUp(change: StoredChange): Entry {
    const mine = away.get(keyOf(change));
    away.delete(keyOf(change));
    // As old as it is, by whoever wrote it.
    const ageMs = Math.max(0, clock.wallMs() - change.atMs);
    return mine ?? entryOf(change, clock.elapsedMs() - ageMs, true);
  }

  function released(): void {
    // What it has the lock of is not in the outbox yet.
    if (isLooking) return;
    for (const [from, release] of held) {
      if (hasOf(from)) continue;
      held.delete(from);
      release();
    }
  }

  function letGo(): void {
    lettings++;
    for (const release of held.values()) release();
    held.clear();
  }

  return {
    look() {
      const mine = lettings;
      looking = looking.then(async () => {
        isLooking = true;
        await look(mine).catch(() => undefined);
        isLooking = false;
        released();
      });
      return looking;
    },
    handOver() {
      outbox.giveUp();
      outbox.all = outbox.all.filter((entry) => {
        const isTheirs = keeper.isDurable || entry.isStored;
        if (isTheirs) away.set(keyOf(entry.change), entry);
        return !isTheirs;
      });
      letGo();
    },
    released,
    get isWaiting() {
      return away.size > 0;
    },
    close: letGo,
  };
}
