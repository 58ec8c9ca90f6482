/** What a script read of a log, as the page that the contract speaks of: events, or why they cannot follow on a position. */
import type { Event } from '../../domain/event.ts';
import { channelEpoch, type Epoch, gapAt, type LogBounds, type Position } from '../../domain/position.ts';
import type { HistoryPage } from '../comparing.ts';
import { decodeEvent } from './codec/codec.ts';
import type { Reply } from './nodes/calls.ts';

export interface RawHistory {
  readonly epoch: Epoch;
  /** Of the shard, before this one; null where nobody knows what both have in common. */
  readonly parent: Epoch | null;
  /** Events the shard ever made. */
  readonly events: number;
  readonly forgotten: number;
  readonly head: number | null;
  readonly base: number | null;
  /** How many events are kept. */
  readonly kept: number;
  readonly blobs: readonly Buffer[];
  /** Of the channel (`channelEpoch`); 0 for none. */
  readonly fold: number;
  /** The oldest event that is archived; null where none is. */
  readonly archivedFrom: number | null;
  /** The last offset that is of the epoch before as well, where that was asked. */
  readonly fork?: number;
  /** The last event that told of others that were erased, where that was asked. */
  readonly erased?: number;
}

/** From elements of Redis' answers. @param forgotten Of the shard and of the channel: the later counts. */
export function rawHistory(
  [epoch, events, parent]: readonly Reply[],
  forgotten: readonly Reply[],
  [head, base, kept, fold, archivedFrom]: readonly Reply[],
  blobs: Reply,
): RawHistory {
  return {
    epoch: String(epoch),
    parent: parent === null ? null : String(parent),
    events: Number(events),
    forgotten: Math.max(...forgotten.map(Number)),
    head: head === null ? null : Number(head),
    base: base === null ? null : Number(base),
    kept: Number(kept),
    fold: Number(fold),
    archivedFrom: archivedFrom === null ? null : Number(archivedFrom),
    blobs: blobs as Buffer[],
  };
}

type OnUnreadable = (error: unknown, offset: number) => void;

/**
 * Events that cannot be read are as if they had been trimmed with all before them: who was there is told reset, once that is
 * what comes next.
 *
 * @param after The position that was asked about; null for the newest events.
 */
export function historyFrom(raw: RawHistory, after: Position | null, onUnreadable: OnUnreadable): HistoryPage {
  const { epoch: shardEpoch, fold, forgotten, kept, blobs } = raw;
  const epoch = channelEpoch(shardEpoch, fold);
  const head = raw.head ?? raw.events;
  const base = raw.base ?? head;
  const first = head - kept + 1;
  // A torn file can leave a list longer than the channel: what is below its beginning is nobody's.
  const bounds: LogBounds = { epoch, head, base, oldest: Math.max(first, base + 1), forgotten };
  const log = {
    ...bounds,
    ...(fold === 0 ? {} : { shardEpoch }),
    ...(raw.parent === null ? {} : { parent: channelEpoch(raw.parent, fold) }),
    ...(raw.fork === undefined ? {} : { fork: raw.fork }),
    ...(raw.archivedFrom === null ? {} : { archivedFrom: raw.archivedFrom }),
    ...(raw.erased === undefined ? {} : { erased: raw.erased }),
  };
  const reason = after === null ? undefined : gapAt(after, log);
  if (reason !== undefined) return { kind: 'gap', log, reason };
  const from = after === null ? head - blobs.length + 1 : Math.max(after.offset + 1, first);
  const { events, unreadable } = decodeEvents(blobs, from, after === null, onUnreadable);
  if (unreadable !== undefined) {
    const readable = { ...log, oldest: Math.max(log.oldest, unreadable + 1) };
    if (after === null) return { kind: 'events', log: readable, events };
    if (events.length === 0) return { kind: 'gap', log: readable, reason: 'trimmed' };
  }
  return { kind: 'events', log, events: first > base ? events : events.filter(({ offset }) => offset > base) };
}

/**
 * Those before the first that cannot be read, or those behind the last one.
 *
 * @returns Also the offset of that one.
 */
function decodeEvents(blobs: readonly Buffer[], from: number, isBehind: boolean, onUnreadable: OnUnreadable) {
  let events: Event[] = [];
  let unreadable: number | undefined;
  for (const [i, blob] of blobs.entries()) {
    try {
      events.push(decodeEvent(blob, from + i));
    } catch (error) {
      unreadable = from + i;
      onUnreadable(error, unreadable);
      if (!isBehind) break;
      events = [];
    }
  }
  return { events, unreadable };
}
