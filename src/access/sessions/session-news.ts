/**
 * How this process learns that a session was renewed or has ended at another: it is told, and looks now and then what it was not told of.
 *
 * A group of which no session is known here is not asked about. What is asked for is small: the keys that were told since the last look.
 */
import type { Clock } from '../../clock.ts';
import type { NewsMark, PassStore, PassSubscription } from './pass-store.ts';
import { GROUPS } from './session-key.ts';

export interface SessionNews {
  /** Resolves once news of the group will be known here. @throws {EngineUnavailable} */
  ready(group: number): Promise<void>;
  /** Whether what is known of the group's sessions may be relied on without asking. */
  isHeard(group: number): boolean;
  /** How long ago that was so for sure, milliseconds. */
  heardAgoMs(group: number): number;
  close(): void;
}

/** What news are about, as far as this process has to do with it. */
export interface Watched {
  /** It may have changed: if it is known, those who follow it are told of it. @throws {EngineUnavailable} */
  changed(key: string): Promise<void>;
  /** The same of all that are known. */
  allChanged(group: number): Promise<void>;
  hasAny(group: number): boolean;
  /** Reads again what could not be read. */
  retry?(): void;
}

export interface SessionNewsDeps {
  readonly store: PassStore;
  readonly watched: readonly Watched[];
  readonly clock: Clock;
  /** Between two looks, milliseconds. With what a look takes at most it is less than 10 s. */
  readonly everyMs?: number;
}

const EVERY_MS = 5_000;
/** For so long after a look; who cannot look has to ask. */
const HEARD_FOR_MS = 9_000;

interface Group {
  mark: NewsMark | null;
  /** When the last look began that has found everything, by the elapsed clock. */
  heardMs: number;
  looking: Promise<void> | null;
}

export function createSessionNews({ store, watched, clock, everyMs = EVERY_MS }: SessionNewsDeps): SessionNews {
  const groups = Array.from({ length: GROUPS }, (): Group => ({ mark: null, heardMs: -HEARD_FOR_MS, looking: null }));
  let subscription: PassSubscription | null = null;
  let isListening = false;
  let isClosed = false;

  const ignore = () => undefined;
  const all = (tell: (one: Watched) => Promise<void>) => Promise.all(watched.map(tell));
  const hasAny = (group: number) => watched.some((one) => one.hasAny(group));

  const listener = {
    // Should it fail, the next look finds it.
    changed: (key: string) => void all((one) => one.changed(key)).catch(ignore),
    missed: (group: number) => void (hasAny(group) && look(group).catch(ignore)),
  };

  function listen(): void {
    if (isListening || isClosed) return;
    isListening = true;
    store.listen(listener).then(
      (opened) => {
        if (isClosed) opened.close();
        else subscription = opened;
      },
      () => {
        isListening = false;
      },
    );
  }

  async function lookOnce(number: number): Promise<void> {
    const group = groups[number]!;
    const beganMs = clock.elapsedMs();
    const { mark, keys } = await store.news(number, group.mark);
    if (keys === null) await all((one) => one.allChanged(number));
    else await Promise.all(keys.map((key) => all((one) => one.changed(key))));
    group.mark = mark;
    group.heardMs = beganMs;
  }

  function look(number: number): Promise<void> {
    const group = groups[number]!;
    group.looking ??= lookOnce(number).finally(() => {
      group.looking = null;
    });
    return group.looking;
  }

  const timer = setInterval(() => {
    for (const one of watched) one.retry?.();
    for (const [number, group] of groups.entries()) {
      if (!hasAny(number)) group.mark = null;
      else look(number).catch(ignore);
    }
    if (groups.some(({ mark }) => mark !== null)) listen();
  }, everyMs).unref();

  const heardAgoMs = (number: number) => clock.elapsedMs() - groups[number]!.heardMs;

  return {
    async ready(number) {
      listen();
      if (groups[number]!.mark === null) await look(number);
    },
    isHeard: (number) => heardAgoMs(number) < HEARD_FOR_MS,
    heardAgoMs,
    close() {
      isClosed = true;
      clearInterval(timer);
      subscription?.close();
    },
  };
}
