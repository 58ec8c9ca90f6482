/** Changes that were found written down. */
import type { ClientClock } from './clock.ts';
import type { Entry } from './entry.ts';
import type { StoredChange } from './storage.ts';

export function keyOf({ from, channel, seq }: StoredChange): string {
  return `${from} ${channel} ${seq}`;
}

/** As old as it is, by whoever wrote it. */
export function entryOf(change: StoredChange, clock: ClientClock): Entry {
  const ageMs = Math.max(0, clock.wallMs() - change.atMs);
  const bornMs = clock.elapsedMs() - ageMs;
  return { change, bornMs, replace: undefined, isSent: true, isStored: true, stored: undefined, waiting: [] };
}
