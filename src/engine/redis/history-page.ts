/** What a read of a history says, from Redis' answer to it: events, or why they cannot follow on the position asked for. */
import type { Event } from '../../domain/event.ts';
import { gapAt, type LogBounds, type Position } from '../../domain/position.ts';
import type { HistoryPage } from '../engine.ts';
import { decodeEvent } from './codec/codec.ts';
import type { RawHistory } from './reads.ts';

type OnUnreadable = (error: unknown, offset: number) => void;

/**
 * Events that cannot be read are as if they had been trimmed with all before them: who was there is told reset, once that is
 * what comes next.
 */
export function historyFrom(raw: RawHistory, after: Position | null, onUnreadable: OnUnreadable): HistoryPage {
  const { epoch, forgotten, kept, blobs, clockMs } = raw;
  const head = raw.head ?? raw.events;
  const base = raw.base ?? head;
  const first = head - kept + 1;
  // A torn file can leave a list longer than the channel: what is below its beginning is nobody's.
  const log: LogBounds = { epoch, head, base, oldest: Math.max(first, base + 1), forgotten };
  const reason = after === null ? undefined : gapAt(after, log);
  if (reason !== undefined) return { kind: 'gap', log, reason, clockMs };
  const from = after === null ? head - blobs.length + 1 : Math.max(after.offset + 1, first);
  const { events, unreadable } = decodeEvents(blobs, from, after === null, onUnreadable);
  if (unreadable !== undefined) {
    const readable = { ...log, oldest: Math.max(log.oldest, unreadable + 1) };
    if (after === null) return { kind: 'events', log: readable, events, clockMs };
    if (events.length === 0) return { kind: 'gap', log: readable, reason: 'trimmed', clockMs };
  }
  return { kind: 'events', log, events: first > base ? events : events.filter(({ offset }) => offset > base), clockMs };
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
