/**
 * What lies behind the histories of a single box: events that they gave up, and that its disk keeps, for as long as it is told to. They are
 * the very rows that the box wrote when they were made.
 */
import type { Clock } from '../../clock.ts';
import { type Channel, shardOf } from '../../domain/channel.ts';
import { createInLine } from '../../domain/in-line.ts';
import type { Epoch } from '../../domain/position.ts';
import type { Log, Shard } from '../memory/shard.ts';
import type { Disk } from './disk.ts';
import type { Known } from './rows.ts';
import type { Row } from './statements.ts';

/** Of the log of a channel, in the order of their offsets. */
export interface DeepPieces {
  readonly id: string;
  /** Of the shard. */
  readonly epoch: Epoch;
  readonly base: number;
  /** The oldest that is there. */
  readonly oldest: number;
  readonly head: number;
  readonly pieces: readonly { readonly first: number; readonly bytes: Buffer }[];
}

export interface Deep {
  /**
   * From the piece on that has the event after an offset; null of a channel that is not there.
   *
   * @param limit Pieces at most. @param maxBytes And none behind the one that exceeds this.
   */
  read(channel: Channel, after: number, limit: number, maxBytes: number): Promise<DeepPieces | null>;
  /** Gives up what was kept for as long as it was to be. @returns How many pieces. */
  retain(): Promise<number>;
}

export interface DeepDeps {
  readonly disk: Disk;
  readonly shards: readonly Shard[];
  readonly known: Known;
  readonly clock: Clock;
  /** For how long, milliseconds; `Infinity`: for ever. */
  readonly keptMs: (channel: Channel) => number;
  /** Behind the step of a shard that is under way. */
  inOrder<T>(index: number, step: () => Promise<T>): Promise<T>;
}

/** Rows that are looked at in one go. */
const PAGE_ROWS = 1_000;

export function createDeep({ disk, shards, known, clock, keptMs, inOrder }: DeepDeps): Deep {
  const logOf = (channel: Channel): Log | undefined => shards[shardOf(channel, shards.length)]!.logs.get(channel);

  /** One is read at a time: thousands who come back at once must not stand between a change and its disk. */
  const inLine = createInLine<'all'>();

  /** Of a piece all of whose events the history has given up. */
  async function giveUp(channel: Channel, id: number, first: number): Promise<boolean> {
    const index = shardOf(channel, shards.length);
    return inOrder(index, async () => {
      const its = known.channels.get(channel);
      const log = logOf(channel);
      if (its === undefined || log === undefined) return false;
      const [[next] = [null]] = (await disk.readSettled('nextPiece', [its.id, first])) as [number | null][];
      if (next === null || next > log.history.oldest) return false;
      await disk.write([
        ['noPiece', id],
        ['archived', log.archived, its.id, next],
      ]);
      log.archivedFrom = next;
      return true;
    });
  }

  return {
    async read(channel, after, limit, maxBytes) {
      const its = known.channels.get(channel);
      if (its === undefined) return null;
      const rows = await inLine('all', () => disk.readSettled('pieces', [its.id, after + 1, limit, maxBytes], its.id));
      const log = logOf(channel);
      // Another one of that name has other rows.
      if (log === undefined || known.channels.get(channel) !== its) return null;
      const { base, archivedFrom: oldest, history } = log;
      const { epoch } = shards[shardOf(channel, shards.length)]!;
      const pieces = rows.map(([first, bytes]) => ({ first: first as number, bytes: bytes as Buffer }));
      return { id: String(its.id), epoch, base, oldest, head: history.head, pieces };
    },

    async retain() {
      const names = new Map(Array.from(known.channels, ([channel, { id }]) => [id, channel]));
      const all = new Set(Array.from(known.channels.keys(), keptMs));
      all.delete(Number.POSITIVE_INFINITY);
      if (all.size === 0) return 0;
      const nowMs = clock.wallMs();
      const newestMs = nowMs - Math.min(...all);
      let gone = 0;
      for (let after = 0; ; ) {
        const rows: readonly Row[] = await disk.readSettled('ages', [after, PAGE_ROWS]);
        for (const [id, of, first, atMs] of rows as readonly (readonly number[])[]) {
          if (atMs! >= newestMs) return gone;
          const channel = names.get(of!);
          if (channel === undefined || atMs! >= nowMs - keptMs(channel)) continue;
          if (await giveUp(channel, id!, first!)) gone++;
        }
        if (rows.length < PAGE_ROWS) return gone;
        after = rows.at(-1)![0] as number;
      }
    },
  };
}
