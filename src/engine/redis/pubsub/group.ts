/** The names of one shard that somebody listens to: one line serves them, and they are lost together. */
import type { SmallSet } from '../../../domain/small-set.ts';
import type { Line } from './line.ts';
import type { Listener } from './listener.ts';
import type { Recovery } from './recovery.ts';

export interface Group {
  readonly shard: number;
  readonly names: Map<string, Name>;
  /** The only one whose news count. */
  line: Line;
  /** +1 with every loss; what was asked for before is to be asked for again. */
  generation: number;
  /** Null while nothing was lost. */
  recovery: Recovery<Listener> | null;
}

export interface Name {
  readonly group: Group;
  readonly listeners: SmallSet<Listener>;
  /** The answer to the last SSUBSCRIBE for it; null once it is there: most names have it, and it weighs as much as they do. */
  acknowledged: Promise<void> | null;
}

export function* listenersOf({ names }: Group): Generator<Listener> {
  for (const { listeners } of names.values()) yield* listeners;
}
