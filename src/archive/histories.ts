/**
 * Histories that reach as far back as the archive: what the engine does not keep any more is read there. The last event that is
 * told from there, and the first that is kept, follow on each other, so whoever reads on never sees where one ends and the other begins.
 *
 * While the archive does not answer, what the engine keeps is there as ever, and what lies deeper is said to be away: at once, but for
 * one at a time who finds out whether it still is.
 */
import type { Channel } from '../domain/channel.ts';
import { channelEpoch, foldOf, type LogBounds, reachOf } from '../domain/position.ts';
import type { DatedPage, Histories } from '../engine/engine.ts';
import { type ArchivedLog, type ArchivedPage, PAGE_MAX_BYTES } from './archive.ts';

/** What is read of an archive, with the offset of the event that told last that others were erased: another one, and it is to be read anew. */
export interface DeepReader {
  read(channel: Channel, after: number, limit: number, maxBytes: number, erased?: number): Promise<ArchivedPage | null>;
}

/** @param onAway Told of the first read that fails after one that did not. */
export function withArchive(engine: Histories, archive: DeepReader, onAway: (error: unknown) => void): Histories {
  let isAway = false;
  let isTrying = false;

  /** Null where nothing can be said now. */
  async function read(
    channel: Channel,
    after: number,
    limit: number,
    maxBytes: number,
    erased: number,
  ): Promise<{ readonly page: ArchivedPage | null } | null> {
    if (isAway && isTrying) return null;
    isTrying = true;
    try {
      const page = await archive.read(channel, after, limit, maxBytes, erased);
      isAway = false;
      return { page };
    } catch (error) {
      if (!isAway) onAway(error);
      isAway = true;
      return null;
    } finally {
      isTrying = false;
    }
  }

  return {
    async readHistory(channel, after, limit, maxBytes = PAGE_MAX_BYTES): Promise<DatedPage> {
      const page = await engine.readHistory(channel, after, limit, maxBytes);
      const isDeep = page.kind === 'gap' && page.reason === 'trimmed' && after!.offset >= reachOf(page.log) - 1;
      if (!isDeep || limit === 0) return page;
      const { log, clockMs } = page;
      const found = await read(channel, after!.offset, limit, maxBytes, log.erased ?? 0);
      if (found === null) return { ...page, isArchiveAway: true };
      const archived = found.page?.log;
      if (archived && isBehind(archived, log) && archived.oldest <= after!.offset + 1) {
        return { kind: 'events', log, events: found.page.events, clockMs };
      }
      // What it had is gone since the engine was told of it.
      const archivedFrom = Math.max(archived?.oldest ?? log.oldest, after!.offset + 2);
      return { ...page, log: { ...log, archivedFrom } };
    },
  };
}

/** Whether it is the same log, and has all that lies before what is kept. */
function isBehind(archived: ArchivedLog, kept: LogBounds): boolean {
  const epoch = channelEpoch(archived.epoch, foldOf(kept));
  return (epoch === kept.epoch || epoch === kept.parent) && archived.head >= kept.oldest - 1;
}
