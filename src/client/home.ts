/** What makes an outbox outlive its page: where it is written down, and who sends what a page left there. */
import { type Adoption, createAdoption } from './adoption.ts';
import type { ClientClock } from './clock.ts';
import { openIndexedDb } from './indexeddb.ts';
import { createKeeper, type KeeperDeps } from './keeper.ts';
import type { Locks } from './locks.ts';
import type { Keeper } from './outbox.ts';
import type { OutboxStorage } from './storage.ts';

export interface HomeDeps extends Omit<KeeperDeps, 'storage'> {
  readonly scope: string;
  readonly clock: ClientClock;
  readonly locks: Locks | undefined;
}

export interface Home {
  readonly keeper: Keeper;
  readonly adoption: Adoption;
}

/** @throws where there is no IndexedDB, or it may not be used. */
export async function openHome(wish: OutboxStorage | 'indexeddb', deps: HomeDeps): Promise<Home> {
  const storage = wish === 'indexeddb' ? await openIndexedDb() : wish;
  const all = { ...deps, storage };
  const keeper = createKeeper(all);
  return { keeper, adoption: createAdoption({ ...all, keeper }) };
}
