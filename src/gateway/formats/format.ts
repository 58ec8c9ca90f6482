/**
 * A format: how events and control frames are written to one kind of client. One file per format beside this one.
 *
 * A format makes text, and it makes it once per audience; whatever bytes a change consists of, no format lets them end
 * a frame, a line or a string before its time (P17).
 */
import type { Channel } from '../../domain/channel.ts';
import type { Event } from '../../domain/event.ts';

export type FormatName = 'sse' | 'ndjson' | 'json' | 'raw';

/** What a client asked to be told beside the change itself. */
export interface EnvelopeOptions {
  readonly fields: ReadonlySet<EnvelopeField>;
  /** Set when the stream is of several channels. */
  readonly withChannel: boolean;
}

/** How a silent stream shows that it lives: in a way that a client's own parser hides, or shows to everybody. */
export const HEARTBEATS = ['comment', 'event'] as const;
export type Heartbeat = (typeof HEARTBEATS)[number];

/** How cursors of several channels are written: as short as can be, or as those of each channel, joined (P40). */
export const CURSOR_FORMS = ['short', 'joined'] as const;
export type CursorForm = (typeof CURSOR_FORMS)[number];

export const ENVELOPE_FIELDS = ['from', 'seq', 'at'] as const;
export type EnvelopeField = (typeof ENVELOPE_FIELDS)[number];

/** A frame that is no event: `$sync`, `$snapshot`, `$bye` … */
export interface ControlFrame {
  readonly event: `$${string}`;
  readonly data: Readonly<Record<string, unknown>>;
  /** Only on the last control frame before the first event: where this stream starts. */
  readonly cursor?: string;
  /** After which time the client is to come back when the stream ends, milliseconds. */
  readonly retryMs?: number;
}

export interface Format {
  readonly contentType: string;
  /** How the cursors are written that it is given. */
  readonly joinsCursors?: boolean;
  /** One frame. @param cursor Where a client is that has seen this event. */
  event(event: Event, channel: Channel, cursor: string): string;
  /** The same of a large change, in pieces that are none. */
  pieces(event: Event, channel: Channel, cursor: string): Iterable<string>;
  control(frame: ControlFrame): string;
  /** What is sent when nothing else was, so that everybody on the way knows the stream is alive. */
  readonly heartbeat: string;
}
