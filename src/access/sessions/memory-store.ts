/** Sessions and tickets of a single process. */
import type { Clock } from '../../clock.ts';
import { NEWS_KEPT, type PassChange, type PassListener, type PassStore } from './pass-store.ts';
import { GROUPS } from './session-key.ts';

interface Kept {
  readonly text: string;
  /** By the elapsed clock. */
  readonly untilMs: number;
}

interface Group {
  readonly texts: Map<string, Kept>;
  /** Key to `rev` of its last news, the oldest first. */
  readonly told: Map<string, number>;
  rev: number;
  /** Of the newest that is not remembered any more. */
  cut: number;
}

/** How often what is over is looked for, as a number of writes. */
const SWEEP_EVERY = 1_000;
const EPOCH = 'memory';

export function createMemoryPasses(clock: Clock): PassStore {
  const groups = Array.from({ length: GROUPS }, (): Group => ({ texts: new Map(), told: new Map(), rev: 0, cut: 0 }));
  const listeners = new Set<PassListener>();
  let writes = 0;

  function textOf({ texts }: Group, name: string): string | null {
    const kept = texts.get(name);
    return kept !== undefined && clock.elapsedMs() < kept.untilMs ? kept.text : null;
  }

  function put({ texts }: Group, { name, after, ttlMs = 0 }: PassChange): void {
    if (after === null || ttlMs <= 0) texts.delete(name);
    else texts.set(name, { text: after, untilMs: clock.elapsedMs() + ttlMs });
  }

  function sweep(): void {
    const nowMs = clock.elapsedMs();
    for (const { texts } of groups) {
      for (const [name, { untilMs }] of texts) if (nowMs >= untilMs) texts.delete(name);
    }
  }

  function tell(group: Group, key: string): void {
    group.told.delete(key);
    group.told.set(key, ++group.rev);
    if (group.told.size > NEWS_KEPT) {
      const [oldest, rev] = group.told.entries().next().value!;
      group.told.delete(oldest);
      group.cut = rev;
    }
    queueMicrotask(() => {
      for (const listener of listeners) listener.changed(key);
    });
  }

  return {
    async read(group, names) {
      return names.map((name) => textOf(groups[group]!, name));
    },
    async write(number, changes, told) {
      const group = groups[number]!;
      const isAsItHasToBe = ({ name, before }: PassChange) => before === undefined || textOf(group, name) === before;
      if (!changes.every(isAsItHasToBe)) return false;
      for (const change of changes) put(group, change);
      for (const key of told) tell(group, key);
      if (++writes % SWEEP_EVERY === 0) sweep();
      return true;
    },
    async news(number, since) {
      const { told, rev, cut } = groups[number]!;
      const mark = { epoch: EPOCH, rev };
      if (since === null || since.epoch !== EPOCH || since.rev > rev || since.rev < cut)
        return { mark, keys: since === null ? [] : null };
      return { mark, keys: [...told].filter(([, at]) => at > since.rev).map(([key]) => key) };
    },
    async listen(listener) {
      listeners.add(listener);
      return { close: () => listeners.delete(listener) };
    },
  };
}
