/**
 * Pages of the archive that were read a moment ago, so that a thousand readers who come back to the same position cost one read of
 * each page. What is asked for twice at once is read once; a page that more events may still be added to is not kept.
 */
import type { Clock } from '../clock.ts';
import type { Channel } from '../domain/channel.ts';
import type { ArchivedPage, ArchiveReader } from './archive.ts';
import type { DeepReader } from './histories.ts';

/** What is kept together, bytes, about; the page that was read first goes first. */
const KEPT_BYTES = 16 << 20;
const KEPT_MS = 30_000;
/** What an event weighs beside its bytes, about. */
const EVENT_BYTES = 200;

interface Kept {
  readonly page: Promise<ArchivedPage | null>;
  readonly readMs: number;
  /** 0 while it is being read. */
  bytes: number;
}

export function withPageCache(archive: ArchiveReader, clock: Clock): DeepReader {
  const pages = new Map<string, Kept>();
  let bytes = 0;

  function drop(key: string): void {
    bytes -= pages.get(key)?.bytes ?? 0;
    pages.delete(key);
  }

  function keep(key: string, page: ArchivedPage | null): void {
    const kept = pages.get(key);
    const last = page?.events.at(-1);
    if (kept === undefined) return;
    if (page === null || last === undefined || last.offset >= page.log.head) {
      drop(key);
      return;
    }
    kept.bytes = page.events.reduce((sum, event) => sum + event.bytes.length + EVENT_BYTES, 0);
    bytes += kept.bytes;
    for (const [oldest, { bytes: size }] of pages) {
      if (bytes <= KEPT_BYTES) break;
      if (size > 0) drop(oldest);
    }
  }

  return {
    read(channel: Channel, after: number, limit: number, maxBytes: number, erased = 0) {
      const key = `${channel} ${after} ${limit} ${maxBytes} ${erased}`;
      const nowMs = clock.elapsedMs();
      const known = pages.get(key);
      if (known !== undefined && (known.bytes === 0 || nowMs - known.readMs < KEPT_MS)) return known.page;
      drop(key);
      const page = archive.read(channel, after, limit, maxBytes);
      pages.set(key, { page, readMs: nowMs, bytes: 0 });
      page.then(
        (read) => keep(key, read),
        () => drop(key),
      );
      return page;
    },
  };
}
