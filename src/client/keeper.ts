/** Writes down what is in the outbox before it is sent, and goes on in memory once that fails. */
import type { Entry } from './entry.ts';
import type { Nonces } from './nonces.ts';
import type { Keeper, Outbox } from './outbox.ts';
import type { OutboxStorage } from './storage.ts';

export interface KeeperDeps {
  readonly outbox: Outbox;
  readonly nonces: Nonces;
  readonly storage: OutboxStorage;
  readonly notDurable: (thrown: unknown) => void;
}

export function createKeeper({ outbox, nonces, storage, notDurable }: KeeperDeps): Keeper {
  let isDurable = true;

  async function forget({ change, isStored }: Entry): Promise<void> {
    try {
      if (isStored) await storage.delete(change);
    } catch {
      // Found there again, it is given up by its age at the latest.
    }
  }

  /** Others may come to own the old nonce, by what of it is written down: this one must not be among theirs. */
  async function renumber(entry: Entry): Promise<void> {
    // What is written of it is older than what it is now.
    void forget(entry);
    entry.isStored = false;
    outbox.giveUp();
    entry.change = { ...entry.change, ...nonces.next(entry.change.channel) };
    await nonces.ready();
  }

  return {
    get isDurable() {
      return isDurable;
    },
    async keep(entry) {
      try {
        await nonces.ready();
        if (isDurable) {
          await storage.put(entry.change);
          entry.isStored = true;
        } else if (entry.isStored) await renumber(entry);
      } catch (thrown) {
        isDurable = false;
        notDurable(thrown);
        await renumber(entry);
      }
    },
    forget,
  };
}
