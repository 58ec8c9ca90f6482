/** Sessions and tickets of a single process. */
import type { Clock } from '../../clock.ts';
import {
  NEWS_KEPT,
  type News,
  type NewsMark,
  type PassChange,
  type PassListener,
  type PassStore,
} from './pass-store.ts';
import { GROUPS } from './session-key.ts';

export interface Kept {
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

const EPOCH = 'memory';

/** The texts of all groups, and the steps that change them: whoever asks for one has looked whether it may be taken. */
export class PassGroups {
  readonly #clock: Clock;
  readonly #groups = Array.from(
    { length: GROUPS },
    (): Group => ({ texts: new Map(), told: new Map(), rev: 0, cut: 0 }),
  );
  readonly #listeners = new Set<PassListener>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  textOf(group: number, name: string): string | null {
    const kept = this.#groups[group]!.texts.get(name);
    return kept !== undefined && this.#clock.elapsedMs() < kept.untilMs ? kept.text : null;
  }

  /** Whether everything is as it has to be. */
  allows(group: number, changes: readonly PassChange[]): boolean {
    return changes.every(({ name, before }) => before === undefined || this.textOf(group, name) === before);
  }

  put(group: number, name: string, kept: Kept | null): void {
    const { texts } = this.#groups[group]!;
    if (kept === null) texts.delete(name);
    else texts.set(name, kept);
  }

  /** What is there no more, but for having been kept. */
  over(): (readonly [group: number, name: string])[] {
    const nowMs = this.#clock.elapsedMs();
    return this.#groups.flatMap(({ texts }, group) =>
      [...texts].filter(([, { untilMs }]) => nowMs >= untilMs).map(([name]) => [group, name] as const),
    );
  }

  tell(number: number, key: string): void {
    const group = this.#groups[number]!;
    group.told.delete(key);
    group.told.set(key, ++group.rev);
    if (group.told.size > NEWS_KEPT) {
      const [oldest, rev] = group.told.entries().next().value!;
      group.told.delete(oldest);
      group.cut = rev;
    }
    queueMicrotask(() => {
      for (const listener of this.#listeners) listener.changed(key);
    });
  }

  news(number: number, since: NewsMark | null): News {
    const { told, rev, cut } = this.#groups[number]!;
    const mark = { epoch: EPOCH, rev };
    if (since === null || since.epoch !== EPOCH || since.rev > rev || since.rev < cut)
      return { mark, keys: since === null ? [] : null };
    return { mark, keys: [...told].filter(([, at]) => at > since.rev).map(([key]) => key) };
  }

  listen(listener: PassListener) {
    this.#listeners.add(listener);
    return { close: () => void this.#listeners.delete(listener) };
  }
}

/** What is there after a change; null: nothing. */
export function keptAfter({ after, ttlMs = 0 }: PassChange, nowMs: number): Kept | null {
  return after === null || ttlMs <= 0 ? null : { text: after, untilMs: nowMs + ttlMs };
}

/** How often what is over is looked for, as a number of writes. */
export const SWEEP_EVERY = 1_000;

export function createMemoryPasses(clock: Clock): PassStore {
  const groups = new PassGroups(clock);
  let writes = 0;
  return {
    read: async (group, names) => names.map((name) => groups.textOf(group, name)),
    async write(group, changes, told) {
      if (!groups.allows(group, changes)) return false;
      for (const change of changes) groups.put(group, change.name, keptAfter(change, clock.elapsedMs()));
      for (const key of told) groups.tell(group, key);
      if (++writes % SWEEP_EVERY === 0) for (const [its, name] of groups.over()) groups.put(its, name, null);
      return true;
    },
    news: async (group, since) => groups.news(group, since),
    listen: async (listener) => groups.listen(listener),
  };
}
