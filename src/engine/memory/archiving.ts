/** What of a shard of the memory engine is not archived, and is therefore kept (`archiving.ts`). */

import type { Event } from '../../domain/event.ts';
import { type ArchiveMarks, BACKLOG_EVENT_BYTES, type Unarchived } from '../archiving.ts';
import type { Log, Shard } from './shard.ts';

/** Of the limit of a backlog: from then on there are no commits either. */
const BACKLOG_OVER = 1.25;

/** Whether no more changes are taken. */
export function isBehind({ backlog }: Shard): boolean {
  return backlog !== null && backlog.bytes >= backlog.maxBytes;
}

/** Whether those that were taken have to wait, too. */
export function isTooFarBehind({ backlog }: Shard): boolean {
  return backlog !== null && backlog.bytes > BACKLOG_OVER * backlog.maxBytes;
}

export function noteBacklog({ backlog }: Shard, events: readonly Event[]): void {
  if (backlog === null) return;
  backlog.events += events.length;
  backlog.bytes += backlogBytesOf(events);
}

/** What they count in a backlog. */
export function backlogBytesOf(events: readonly Event[]): number {
  return events.reduce((sum, { bytes }) => sum + bytes.length + BACKLOG_EVENT_BYTES, 0);
}

/** Whether nothing would be lost with it. */
export function isArchived({ backlog }: Shard, { history, archived }: Log): boolean {
  return backlog === null || archived >= history.head;
}

export function trim(shard: Shard, { history, archived }: Log, historyMaxEvents: number): void {
  history.trimTo(keptOf(shard, history.head, archived, historyMaxEvents));
}

/** How many events a log keeps that has this head. */
export function keptOf({ backlog }: Shard, head: number, archived: number, historyMaxEvents: number): number {
  return backlog === null ? historyMaxEvents : Math.max(historyMaxEvents, head - archived);
}

export function unarchivedOf(shard: Shard, afterRev: number, limit: number): Unarchived {
  const { epoch, rev, events, inbox, backlog } = shard;
  const later = Array.from(shard.logs, ([channel, log]) => ({ channel, rev: log.rev })).filter(
    (each) => each.rev > afterRev,
  );
  return {
    epoch,
    rev,
    events,
    waiting: inbox.length,
    backlogBytes: backlog?.bytes ?? 0,
    isArchived: backlog !== null,
    channels: later.slice(0, limit),
  };
}

export function markArchived(
  shard: Shard,
  { epoch, rev, marks, backlogMaxBytes }: ArchiveMarks,
  keep: number,
): boolean {
  shard.backlog ??= { maxBytes: backlogMaxBytes, events: 0, bytes: 0 };
  const { backlog } = shard;
  backlog.maxBytes = backlogMaxBytes;
  if (shard.epoch !== epoch) return false;
  let events = 0;
  for (const { channel, from, offset } of marks) {
    const log = shard.logs.get(channel);
    if (log === undefined) continue;
    const archived = Math.max(log.archived, Math.min(offset, log.history.head));
    events += archived - log.archived;
    log.archived = archived;
    log.archivedFrom = from;
    trim(shard, log, keep);
  }
  const isAll = rev === shard.rev || events >= backlog.events;
  backlog.bytes = isAll ? 0 : Math.floor(backlog.bytes * (1 - events / backlog.events));
  backlog.events = isAll ? 0 : backlog.events - events;
  return true;
}
