/** The outbox in IndexedDB: it outlives a reload, a crash of the page, and the page itself. */
import type { OutboxStorage, StoredChange } from './storage.ts';

interface Request<T> {
  readonly result: T;
  readonly error: unknown;
  onsuccess: unknown;
  onerror: unknown;
  onblocked?: unknown;
  onupgradeneeded?: unknown;
}

interface Store {
  put(value: StoredChange): Request<void>;
  delete(key: readonly unknown[]): Request<void>;
  getAll(range: unknown): Request<StoredChange[]>;
}

interface Database {
  createObjectStore(name: string, options: { keyPath: readonly string[] }): unknown;
  transaction(
    name: string,
    mode: 'readwrite',
  ): { objectStore(name: string): Store; oncomplete: unknown; onabort: unknown; error: unknown };
  close(): void;
  onversionchange: unknown;
}

interface Browser {
  readonly indexedDB: { open(name: string, version: number): Request<Database> };
  readonly IDBKeyRange: { bound(lower: unknown, upper: unknown): unknown };
}

const NAME = 'smallchange';
const CHANGES = 'changes';
const KEY = ['scope', 'from', 'channel', 'seq'] as const;
/** Another tab with an older version may keep it from being opened. */
const OPEN_MAX_MS = 3_000;

/** @throws where there is none, or it may not be used. */
export async function openIndexedDb(): Promise<OutboxStorage> {
  const { indexedDB, IDBKeyRange } = globalThis as unknown as Browser;
  let late: ReturnType<typeof setTimeout> | undefined;
  const database = await new Promise<Database>((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    late = setTimeout(reject, OPEN_MAX_MS, new Error('no IndexedDB'));
    request.onupgradeneeded = () => request.result.createObjectStore(CHANGES, { keyPath: KEY });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  }).finally(() => clearTimeout(late));
  database.onversionchange = () => database.close();

  /** Resolves when it is written, not when it was asked for; what is read is what was written before. */
  function run<T>(act: (store: Store) => Request<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const transaction = database.transaction(CHANGES, 'readwrite');
      const request = act(transaction.objectStore(CHANGES));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error);
    });
  }

  return {
    list: (scope) => run((store) => store.getAll(IDBKeyRange.bound([scope], [scope, []]))),
    put: (change) => run((store) => store.put(change)),
    delete: (change) => run((store) => store.delete(KEY.map((name) => change[name]))),
  };
}
