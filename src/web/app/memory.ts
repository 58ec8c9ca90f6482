/**
 * What was seen of each room, kept in this browser: the newest rows together with the cursor behind them. A page that comes back shows
 * them at once, also without a network, and goes on from exactly there: nothing is missed and nothing comes twice.
 */
import type { EventRow, Row } from './feed.ts';
import type { Kept } from './kept.ts';

type Stored = Pick<EventRow, 'id' | 'text' | 'from' | 'at'>;

interface Seen {
  readonly rows: readonly Stored[];
  readonly savedMs: number;
}

const NAME = 'rooms';
const ROOMS_MAX = 8;
const ROWS_KEPT = 60;

export interface Memory {
  /** Oldest first; undefined of a room that was never seen. */
  recall(room: string): readonly Stored[] | undefined;
  save(room: string, rows: readonly Row[]): void;
}

export function createMemory(kept: Kept): Memory {
  const all = () => kept.read<Record<string, Seen>>(NAME, {});
  return {
    recall: (room) => (Object.hasOwn(all(), room) ? all()[room]!.rows : undefined),
    save(room, rows) {
      const events = rows.filter((row): row is EventRow => 'id' in row).slice(-ROWS_KEPT);
      const seen: Seen = {
        rows: events.map(({ id, text, from, at }) => ({ id, text, from, at })),
        savedMs: Date.now(),
      };
      const others = Object.entries(all()).filter(([name]) => name !== room);
      const newest = others.sort(([, a], [, b]) => b.savedMs - a.savedMs).slice(0, ROOMS_MAX - 1);
      kept.write(NAME, Object.fromEntries([[room, seen], ...newest]));
    },
  };
}
