/**
 * The part of the client that is loaded beside the rest (`more.ts`): once, by whoever needs it first. Where it could not be loaded it is
 * asked for again by whoever needs it after a back-off; until then each is told at once that it is not there, and goes on without.
 *
 * One request at a time: what a browser does with two of them, of which the first fails, is its own affair.
 */
import { createBackoff } from './backoff.ts';
import type { ClientClock } from './clock.ts';

export type Part = typeof import('./more.ts')['more'];

export interface LatePart {
  /** Rejects where it cannot be loaded. */
  get(): Promise<Part>;
  /** What is there now; where nothing is, it is asked for. */
  now(): Part | undefined;
}

export function createLatePart(load: () => Promise<Part>, clock: ClientClock, random: () => number): LatePart {
  const backoff = createBackoff(random);
  let there: Part | undefined;
  let asked: Promise<Part> | undefined;
  /** Once it has failed. */
  let againMs: number | undefined;

  function get(): Promise<Part> {
    if (!asked || clock.elapsedMs() >= againMs!) {
      againMs = undefined;
      asked = load();
      asked.then(
        (part) => {
          there = part;
        },
        () => {
          againMs = clock.elapsedMs() + backoff.nextMs();
        },
      );
    }
    return asked;
  }

  return {
    get,
    now() {
      get().catch(() => undefined);
      return there;
    },
  };
}
