/**
 * What a reader brings, to begin with: a word, a time, a cursor of all its channels, or cursors of each that it has (P13, P40). Any text at
 * all; which channels and epochs a cursor is of, only their logs tell (`start.ts`).
 */
import { type ParsedCursor, parseCursor, parseJoined } from '../../domain/cursor.ts';
import { parseWindow, type Window } from './moment.ts';

export type Since =
  | { readonly kind: 'now' }
  | { readonly kind: 'window'; readonly window: Window }
  /** Of exactly as many channels as are asked for. */
  | { readonly kind: 'cursor'; readonly cursor: ParsedCursor }
  /** Of one channel each. @field window Where channels begin that have none; undefined: now. */
  | { readonly kind: 'joined'; readonly cursors: readonly ParsedCursor[]; readonly window: Window | undefined }
  | { readonly kind: 'malformed' };

/** What a text may be taken for. */
export interface Brought {
  readonly since: string | undefined;
  /** Then it is a cursor, and no word. */
  readonly isLastEventId: boolean;
}

export function parseSince({ since: text, isLastEventId }: Brought, channels: number): Since {
  if (text === undefined) return { kind: 'now' };
  if (!isLastEventId) {
    const window = wordOf(text);
    if (window !== undefined) return window;
  }
  const cursor = parseCursor(text, channels);
  if (cursor) return { kind: 'cursor', cursor };
  if (channels === 1 && !text.includes('~')) return { kind: 'malformed' };
  // One word at most, and last: where to begin with what has no cursor.
  const cut = text.lastIndexOf('~');
  const word = isLastEventId || cut < 0 ? undefined : wordOf(text.slice(cut + 1));
  const cursors = parseJoined(word ? text.slice(0, cut) : text);
  if (!cursors) return { kind: 'malformed' };
  return { kind: 'joined', cursors, window: word?.kind === 'window' ? word.window : undefined };
}

function wordOf(text: string): Extract<Since, { kind: 'now' | 'window' }> | undefined {
  if (text === 'now') return { kind: 'now' };
  const window = parseWindow(text);
  return window && { kind: 'window', window };
}

/** Whether it asks for anything that was before it came. */
export function asksForPast({ since, isLastEventId }: Brought): boolean {
  return since !== undefined && (isLastEventId || since !== 'now');
}

/** The same by a time, and not because it comes back to where it was. */
export function asksForWindow({ since, isLastEventId }: Brought): boolean {
  return since !== undefined && !isLastEventId && parseWindow(since.slice(since.lastIndexOf('~') + 1)) !== undefined;
}
