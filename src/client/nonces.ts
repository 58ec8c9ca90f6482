/**
 * Who a change is from: a nonce that is new at every start of the publisher, and at every return of a page that was put away (P6).
 * So only one ever counts with it, and who takes over its changes sends them and no others. While the nonce is in use its lock is held.
 */
import { base64Url, tagOf } from './bytes.ts';
import { type Locks, tryLock } from './locks.ts';

export interface Nonces {
  /** `<name>.<nonce>` and the next `seq` of a channel. */
  next(channel: string): { readonly from: string; readonly seq: number };
  /** Resolves when the lock of the current one is held and its tag known: before that nothing of it may be found or sent. */
  ready(): Promise<unknown>;
  /** What is published next has another. @param written Its lock is held until then: who takes over sees all of it, or a seq is passed over. */
  giveUp(written: Promise<unknown>): void;
  /** Whether what is published next may have it. */
  isCurrent(from: string): boolean;
  /** Resolves when the locks of all that were given up are free. */
  letGo(): Promise<unknown>;
  isOwn(shown?: string): boolean;
  /** What is sent for another that is gone is ours as well. */
  adopt(from: string): Promise<void>;
}

export function lockOf(from: string): string {
  return `smallchange outbox ${from}`;
}

/** 120 bits, as 20 characters; P4 allows 40. */
const NONCE_BYTES = 15;

export function createNonces(name: string, locks: Locks | undefined): Nonces {
  /** `<name>~<tag>` of all that were ours. */
  const shown = new Set<string>();
  let seqs = new Map<string, number>();
  let from: string | undefined;
  let ready: Promise<unknown> = Promise.resolve();
  let lock: Promise<(() => void) | undefined> | undefined;
  let lettingGo: Promise<unknown> = Promise.resolve();

  async function know(who: string): Promise<void> {
    const tag = await tagOf(who);
    if (tag) shown.add(`${who.slice(0, who.indexOf('.'))}~${tag}`);
  }

  function begin(): string {
    const made = `${name}.${base64Url(crypto.getRandomValues(new Uint8Array(NONCE_BYTES)))}`;
    lock = locks && tryLock(locks, lockOf(made));
    ready = Promise.all([know(made), lock]);
    // Looked at once there is something to write to.
    ready.catch(() => undefined);
    seqs = new Map();
    return made;
  }

  return {
    next(channel) {
      from ??= begin();
      const seq = (seqs.get(channel) ?? 0) + 1;
      seqs.set(channel, seq);
      return { from, seq };
    },
    ready: () => ready,
    giveUp(written) {
      // Where the lock was refused, there is none to give back.
      lettingGo = Promise.all([lock, written, lettingGo])
        .then(([release]) => release?.())
        .catch(() => undefined);
      from = lock = undefined;
    },
    isCurrent: (who) => who === from,
    letGo: () => lettingGo,
    isOwn: (who = '') => shown.has(who),
    adopt: know,
  };
}
