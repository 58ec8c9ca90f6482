/**
 * What makes an outbox outlive its page: IndexedDB, if there are also locks that tell whose it is, or what the app gives. Loaded beside
 * the rest; where it cannot be had the outbox is in memory, and that is said.
 */
import type { Adoption, AdoptionDeps } from './adoption.ts';
import type { ConnectOptions } from './options.ts';
import type { OutboxStorage } from './storage.ts';

export interface Durable {
  readonly storage: OutboxStorage;
  readonly adoption: Adoption;
}

export async function openDurable(
  wish: ConnectOptions['storage'] = 'indexeddb',
  deps: Omit<AdoptionDeps, 'storage'>,
  notDurable: (thrown?: unknown) => void,
): Promise<Durable | undefined> {
  if (wish === 'memory') return undefined;
  try {
    if (wish === 'indexeddb' && !(deps.locks && 'indexedDB' in globalThis)) notDurable();
    else {
      const { createAdoption, openIndexedDb } = await import('./more.ts');
      const storage = wish === 'indexeddb' ? await openIndexedDb() : wish;
      return { storage, adoption: createAdoption({ ...deps, storage }) };
    }
  } catch (thrown) {
    notDurable(thrown);
  }
  return undefined;
}
