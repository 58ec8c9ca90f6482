/** What a stream is opened with: what its reader asks for, and what it was let in as. */
import type { Principal } from '../../access/access.ts';
import type { Seat } from '../../access/limits.ts';
import type { AudienceWish } from '../audience/audiences.ts';
import type { ReadRequest } from '../routes/request.ts';
import type { StartWish } from './start.ts';

export interface Guest {
  /** Whom it was let in as. */
  readonly principal: Principal;
  /** Given back when the stream has ended, or when none was opened. */
  readonly seat: Seat;
  /** What was before now is not for it. */
  readonly isPastClosed: boolean;
}

export interface StreamWish extends AudienceWish, Guest, StartWish {
  readonly isProbed: boolean;
  readonly isPastClosed: boolean;
}

/**
 * Each field by its name: `{ ...read, principal }` would have V8 make a new hidden class for every stream, 1.4 KB that stay until all
 * of the heap is collected.
 */
export function streamWish(
  read: ReadRequest,
  format: AudienceWish['format'],
  { principal, seat, isPastClosed }: Guest,
): StreamWish {
  return {
    channels: read.channels,
    format,
    fields: read.fields,
    conflateMs: read.conflateMs,
    heartbeat: read.heartbeat,
    cursors: read.cursors,
    since: read.since,
    isLastEventId: read.isLastEventId,
    limit: read.limit,
    snapshot: read.snapshot,
    isProbed: read.isProbed,
    principal,
    seat,
    isPastClosed,
  };
}
