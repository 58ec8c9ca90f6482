/**
 * A process that starts together with its store, as in a fleet after a power cut, waits for it a little: to exit at once
 * would leave it to a supervisor's back-off, which may be minutes.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from './clock.ts';
import type { Engine } from './engine/engine.ts';
import { EngineUnreachable } from './errors.ts';
import type { Logger } from './log.ts';

export interface AwaitDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** From the first try on, milliseconds. */
  readonly waitMs: number;
}

const AGAIN_MS = 250;

/** Tries until it can be reached. Whatever else is wrong with it is thrown at once, and what lasts too long in the end. */
export async function awaitEngine<T extends Engine>(
  open: () => Promise<T>,
  { clock, log, waitMs }: AwaitDeps,
): Promise<T> {
  const beganMs = clock.elapsedMs();
  for (let tries = 1; ; tries++) {
    try {
      return await open();
    } catch (error) {
      if (!(error instanceof EngineUnreachable)) throw error;
      if (clock.elapsedMs() - beganMs + AGAIN_MS > waitMs) throw error;
      if (tries === 1) log.warn({ waitMs }, `${error.message} Waiting for it`);
      await sleep(AGAIN_MS);
    }
  }
}
