/** What outlives a reload, as JSON. Where a browser keeps nothing, or no more, it lasts as long as the page. */

export interface Kept {
  /** @returns What was written last, or `otherwise` where there is nothing, or nothing that can be read. */
  read<T>(name: string, otherwise: T): T;
  write(name: string, value: unknown): void;
}

const PREFIX = 'smallchange.';

/** @param kind `localStorage` is the browser's, `sessionStorage` the tab's. */
export function openKept(kind: 'localStorage' | 'sessionStorage'): Kept {
  const meanwhile = new Map<string, string>();

  function textOf(name: string): string | null {
    try {
      return globalThis[kind].getItem(PREFIX + name);
    } catch {
      return null;
    }
  }

  return {
    read(name, otherwise) {
      try {
        return JSON.parse(meanwhile.get(name) ?? textOf(name) ?? 'null') ?? otherwise;
      } catch {
        return otherwise;
      }
    },
    write(name, value) {
      const text = JSON.stringify(value);
      try {
        globalThis[kind].setItem(PREFIX + name, text);
        meanwhile.delete(name);
      } catch {
        meanwhile.set(name, text);
      }
    },
  };
}
