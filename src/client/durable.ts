/**
 * Whether an outbox outlives its page: in IndexedDB, if there are also locks that tell whose it is, or in what the app gives. How is in the
 * part that is loaded beside the rest (`home.ts`); where that cannot be had the outbox is in memory, and that is said.
 */
import type { Home, HomeDeps } from './home.ts';
import type { ConnectOptions } from './options.ts';
import type { LatePart } from './part.ts';

export async function openDurable(
  wish: ConnectOptions['storage'] = 'indexeddb',
  part: LatePart,
  deps: Omit<HomeDeps, 'notDurable'>,
  notDurable: (thrown?: unknown) => void,
): Promise<Home | undefined> {
  if (wish === 'memory') return undefined;
  try {
    if (wish !== 'indexeddb' || (deps.locks && 'indexedDB' in globalThis)) {
      const { openHome } = await part.get();
      return await openHome(wish, { ...deps, notDurable });
    }
    notDurable();
  } catch (thrown) {
    notDurable(thrown);
  }
  return undefined;
}
