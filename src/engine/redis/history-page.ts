/** What a script read of a log, as the page that the contract speaks of. */
import { type Epoch, gapAt, type LogBounds, type Position } from '../../domain/position.ts';
import type { HistoryPage } from '../comparing.ts';
import { decodeEvent } from './codec/codec.ts';

export interface RawHistory {
  readonly epoch: Epoch;
  /** Events the shard ever made. */
  readonly events: number;
  readonly forgotten: number;
  readonly head: number | null;
  readonly base: number | null;
  /** How many events are kept. */
  readonly kept: number;
  readonly blobs: readonly Buffer[];
}

/** @param after The position that was asked about; null for the newest events. */
export function historyFrom(raw: RawHistory, after: Position | null): HistoryPage {
  const { epoch, forgotten, kept, blobs } = raw;
  const head = raw.head ?? raw.events;
  const base = raw.base ?? head;
  const first = head - kept + 1;
  // A torn file can leave a list longer than the channel: what is below its beginning is nobody's.
  const log: LogBounds = { epoch, head, base, oldest: Math.max(first, base + 1), forgotten };
  const reason = after === null ? undefined : gapAt(after, log);
  if (reason !== undefined) return { kind: 'gap', log, reason };
  const from = after === null ? head - blobs.length + 1 : Math.max(after.offset + 1, first);
  const events = blobs.map((blob, i) => decodeEvent(blob, from + i));
  return { kind: 'events', log, events: first > base ? events : events.filter(({ offset }) => offset > base) };
}
