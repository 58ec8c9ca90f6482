/**
 * Erasing on a disk (`../erasing.ts`): what a publisher sent goes from the pieces that it lies in, those behind the histories too, and from
 * the inbox, in the same message as the event that tells of it. Last the file is written anew, for SQLite leaves what it
 * deletes where it was.
 */
import { eventsIn, piecesOf } from '../../archive/packing.ts';
import type { Clock } from '../../clock.ts';
import { isOf } from '../../domain/change.ts';
import { type Event, erasedForm } from '../../domain/event.ts';
import { type Erasing, type Erasure, NOTHING_ERASED } from '../erasing.ts';
import { planErase } from '../memory/erasing.ts';
import { boundsOf, type Shard } from '../memory/shard.ts';
import { dated, type Steps } from '../memory/steps.ts';
import type { Disk } from './disk.ts';
import type { Known, Rows } from './rows.ts';
import type { Write } from './statements.ts';

export interface ErasingDeps {
  readonly disk: Disk;
  readonly shards: readonly Shard[];
  readonly known: Known;
  readonly rows: Rows;
  readonly steps: Steps;
  readonly clock: Clock;
  /** Whether all that is on the disk can be asked for. */
  readonly keepsAll: boolean;
  /** Behind the step of a shard that is under way. */
  inOrder<T>(index: number, step: () => Promise<T>): Promise<T>;
}

interface Found {
  /** Pieces as they are without it. */
  readonly rows: readonly Write[];
  readonly events: readonly Event[];
}

export function createErasing({ disk, shards, known, rows, steps, clock, keepsAll, inOrder }: ErasingDeps): Erasing {
  /** In the pieces that have these events, and in the one that the history may have given up in part: of that also what nobody can ask for. */
  async function find(id: number, { name, events }: Erasure, oldest: number): Promise<Found> {
    const asked = new Set(events.map(({ event }) => event.offset));
    const isMeant = ({ offset }: Event) => asked.has(offset) || (!keepsAll && offset < oldest);
    const ranges = events.length === 0 ? [] : [[events[0]!.event.offset, events.at(-1)!.event.offset] as const];
    if (!keepsAll) ranges.push([oldest, oldest]);
    const pieces = new Map<number, Write>();
    const found: Event[] = [];
    for (const [from, to] of ranges) {
      for (const [row, first, atMs, piece] of await disk.readSettled('piecesOver', [id, from, to], id)) {
        const held = eventsIn(piece as Buffer, first as number);
        const its = held.filter((event) => isOf(name, event.from) && isMeant(event));
        if (its.length === 0 || pieces.has(row as number)) continue;
        const [left] = piecesOf(held.map((event) => (its.includes(event) ? erasedForm(event) : event)));
        pieces.set(row as number, ['pieceAnew', row as number, id, first as number, atMs as number, left!.bytes]);
        found.push(...its);
      }
    }
    return { rows: [...pieces.values()], events: found };
  }

  return {
    erase: (index, erasure) =>
      inOrder(index, async () => {
        const shard = shards[index]!;
        const { channel, epoch } = erasure;
        if (boundsOf(shard, channel).epoch !== epoch) return null;
        const [log, its] = [shard.logs.get(channel), known.channels.get(channel)];
        if (log === undefined || its === undefined) return NOTHING_ERASED;
        const found = await find(its.id, erasure, log.history.oldest);
        const isKept = ({ offset }: Event) => keepsAll || offset >= log.history.oldest;
        const plan = planErase(shard, erasure, found.events.filter(isKept));
        if (plan === null) {
          // Nobody can ask for it any more, but it lies there.
          if (found.rows.length > 0) await disk.write(found.rows);
          return NOTHING_ERASED;
        }
        const nowMs = clock.elapsedMs();
        const written = rows.ofCommit(index, shard, dated(plan.commit, nowMs), nowMs, clock.wallMs());
        const fields = plan.gone.map((field): Write => ['noField', its.id, field]);
        const { counted } = plan;
        const marks: Write[] = counted === null ? [] : [['counted', its.id, counted.tag, counted.through]];
        await disk.write([...written.rows, ...found.rows, ...fields, ...marks]);
        written.written();
        steps.erase(index, plan, nowMs);
        return plan.done;
      }),

    eraseWaiting: (index, name) =>
      inOrder(index, async () => {
        const shard = shards[index]!;
        const left = steps.waitingWithout(index, name);
        // What is merged of the oldest row is in it still.
        if (left === null && known.inboxes[index]!.taken === 0) return 0;
        await disk.write(rows.ofWaiting(index, shard, left));
        // What came meanwhile is behind them.
        return left === null ? 0 : steps.eraseWaiting(index, name, left.length);
      }),

    scrub: () => disk.scrub(),
  };
}
