/** The archive of a single box: the events that its own engine keeps on its disk behind the histories. Nobody moves them. */
import type { Channel } from '../domain/channel.ts';
import type { ArchivedLog, ArchiveReader } from './archive.ts';
import { eventsAfter, type Piece } from './packing.ts';

/** What is needed of the engine. */
export interface BoxPieces {
  read(
    channel: Channel,
    after: number,
    limit: number,
    maxBytes: number,
  ): Promise<(ArchivedLog & { readonly pieces: readonly Pick<Piece, 'first' | 'bytes'>[] }) | null>;
}

/** Pieces that are looked at in one go: of a channel that is silent for the most part each may have one event. */
const PIECES_MAX = 512;

export function boxArchive(box: BoxPieces): ArchiveReader {
  return {
    ready: async () => {},
    async read(channel, after, limit, maxBytes) {
      const found = await box.read(channel, after, Math.min(limit + 1, PIECES_MAX), maxBytes);
      if (found === null) return null;
      const { pieces, ...log } = found;
      return { log, events: eventsAfter(pieces, after, limit, maxBytes) };
    },
    // Its disk is closed with the engine.
    close: async () => {},
  };
}
