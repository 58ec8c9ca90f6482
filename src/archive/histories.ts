/**
 * Histories that reach as far back as the archive: what the engine does not keep any more is read there. The last event that is
 * told from there, and the first that is kept, follow on each other, so whoever reads on never sees where one ends and the other begins.
 *
 * While the archive does not answer, what the engine keeps is there as ever, and what lies deeper is said to be away.
 */
import { channelEpoch, foldOf, type LogBounds, reachOf } from '../domain/position.ts';
import type { DatedPage, Histories } from '../engine/engine.ts';
import { type ArchivedLog, type ArchiveReader, PAGE_MAX_BYTES } from './archive.ts';

export function withArchive(engine: Histories, archive: ArchiveReader, onAway: (error: unknown) => void): Histories {
  return {
    async readHistory(channel, after, limit, maxBytes = PAGE_MAX_BYTES): Promise<DatedPage> {
      const page = await engine.readHistory(channel, after, limit, maxBytes);
      const isDeep = page.kind === 'gap' && page.reason === 'trimmed' && after!.offset >= reachOf(page.log) - 1;
      if (!isDeep || limit === 0) return page;
      const { log, clockMs } = page;
      try {
        const found = await archive.read(channel, after!.offset, limit, maxBytes);
        const isThere = found !== null && isBehind(found.log, log) && found.log.oldest <= after!.offset + 1;
        if (isThere) return { kind: 'events', log, events: found.events, clockMs };
        // What it had is gone since the engine was told of it.
        const archivedFrom = found?.log.oldest ?? log.oldest;
        return { ...page, log: { ...log, archivedFrom: Math.max(archivedFrom, after!.offset + 2) } };
      } catch (error) {
        onAway(error);
        return { ...page, isArchiveAway: true };
      }
    },
  };
}

/** Whether it is the same log, and has all that lies before what is kept. */
function isBehind(archived: ArchivedLog, kept: LogBounds): boolean {
  const epoch = channelEpoch(archived.epoch, foldOf(kept));
  return (epoch === kept.epoch || epoch === kept.parent) && archived.head >= kept.oldest - 1;
}
