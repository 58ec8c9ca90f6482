/**
 * What an operator asks of the directory of a single box (`archive/inspection.ts`), while no process has it. Of each channel all events
 * are one log.
 */
import type { InspectedLog, InspectedState, Inspection } from '../../archive/inspection.ts';
import { eventsIn } from '../../archive/packing.ts';
import { type Channel, shardOf } from '../../domain/channel.ts';
import type { StateField } from '../../domain/state.ts';
import { bytesOf, openUsedDirectory } from './directory.ts';
import type { Row } from './statements.ts';

/** Of one answer, about. */
const PIECES_BYTES = 4 << 20;
const LOGS_AT_ONCE = 1_000;
const FIELDS_AT_ONCE = 1_000;

/** Rejects with an EngineUnusable: in use, of a newer version, or never used. */
export async function inspectDirectory(dir: string): Promise<Inspection> {
  const disk = await openUsedDirectory(dir);
  const shards = (await disk.read('shards')).map(([shard, epoch, rev]) => ({
    ...{ shard: shard as number, epoch: epoch as string, rev: rev as number },
  }));

  async function logFrom([id, channel, base, head]: Row): Promise<InspectedLog> {
    const [[first] = [null]] = await disk.read('nextPiece', id!, -1);
    return {
      ...{ id: String(id), channel: channel as Channel, base: base as number, head: head as number },
      epoch: shards[shardOf(channel as Channel, shards.length)]!.epoch,
      oldest: (first as number | null) ?? (head as number) + 1,
      isCurrent: true,
    };
  }

  /** There is one at most. */
  async function rowsOf(channel: Channel, afterId: number): Promise<Row[]> {
    const rows: Row[] = [];
    await disk.readAll('channels', [afterId], (row) => void (row[1] === channel && rows.push(row)));
    return rows;
  }

  async function logs(channel: Channel | null, afterId: string, limit: number): Promise<InspectedLog[]> {
    const after = Number(afterId);
    const rows = channel === null ? await disk.read('channels', after, limit) : await rowsOf(channel, after);
    return Promise.all(rows.map(logFrom));
  }

  return {
    // It was, when it was opened.
    migrate: async () => [],

    async status() {
      let channels = 0;
      let events = 0;
      for (let afterId = '0'; ; ) {
        const some = await logs(null, afterId, LOGS_AT_ONCE);
        if (some.length === 0) return { channels, logs: channels, events, bytes: bytesOf(dir), shards };
        channels += some.length;
        for (const { oldest, head } of some) events += head - oldest + 1;
        afterId = some.at(-1)!.id;
      }
    },

    logs,

    async pieces(log, after, limit) {
      const rows = await disk.read('pieces', Number(log), after + 1, limit, PIECES_BYTES);
      const pieces = rows.map(([first, piece]) => {
        const events = eventsIn(piece as Buffer, first as number);
        return { first: first as number, last: (first as number) + events.length - 1, events };
      });
      return pieces.filter(({ last }) => last > after);
    },

    async state({ id }): Promise<InspectedState> {
      const [[, , , , fold, reducer] = []] = await disk.read('channels', Number(id) - 1, 1);
      const fields = new Map<string, StateField>();
      for (let after = ''; ; ) {
        const rows = await disk.read('fieldsOf', Number(id), after, FIELDS_AT_ONCE);
        for (const [name, offset, bytes] of rows) {
          fields.set(name as string, { offset: offset as number, bytes: bytes as Uint8Array | null });
        }
        if (rows.length === 0) return { reducer: reducer as string, isBegunAnew: fold !== 0, fields };
        after = rows.at(-1)![0] as string;
      }
    },

    close: () => disk.close(),
  };
}
