/** A history, put in order for the checks: changes with all their tries, final logs, readers with what happened to them. */
import { shownOf } from '../../loadtest/ledger/shown-from.ts';
import type { ArchiveLine, Line, LoggedEvent } from './history.ts';

export interface Change {
  readonly key: string;
  readonly channel: string;
  readonly from: string;
  readonly seq: number;
  readonly body: string;
  /** When it was sent for the first time. */
  readonly sentAt: number;
  /** When its first 204 came; undefined without any. */
  okAt: number | undefined;
  /** And its last. */
  lastOkAt: number | undefined;
  /** How many requests carried it, and how many of them had a 4xx. */
  tries: number;
  fails: number;
}

export interface Log {
  readonly channel: string;
  readonly epoch: string;
  readonly head: number;
  readonly events: readonly LoggedEvent[];
}

export type EventLine = Line & { t: 'event' };
export type StateLine = Line & { t: 'state' };
export type ReaderLine = Line & { t: 'open' | 'told' | 'event' | 'at' | 'closed' };

export interface Model {
  readonly changes: ReadonlyMap<string, Change>;
  readonly logs: ReadonlyMap<string, Log>;
  readonly states: readonly StateLine[];
  readonly readers: ReadonlyMap<string, readonly ReaderLine[]>;
  readonly archives: readonly ArchiveLine[];
  readonly losses: readonly { readonly since: number; readonly until: number }[];
  readonly quietAt: number | undefined;
}

/** Which change an event is of: by its seq, or by its bytes, which writers without seq never use twice. */
export function keyOf(channel: string, { from, seq, body }: Pick<LoggedEvent, 'from' | 'seq' | 'body'>): string {
  return seq > 0 ? `${channel} ${publisherOf(from)} ${seq}` : `${channel} ${publisherOf(from)} ${body}`;
}

/** A writer as readers are shown it (P4); lines of what was sent have its whole `from`. */
export function publisherOf(from: string): string {
  return from.includes('.') ? shownOf(from) : from;
}

export interface ParsedCursor {
  /** The epoch, or for several channels the digest of their names and epochs. */
  readonly prefix: string;
  readonly offsets: readonly number[];
}

export function parseCursor(text: string): ParsedCursor {
  const [prefix = '', ...digits] = text.split('.');
  return { prefix, offsets: digits.map((digit) => Number.parseInt(digit, 36)) };
}

export function buildModel(lines: readonly Line[]): Model {
  const changes = new Map<string, Change>();
  const byId = new Map<number, Change>();
  const logs = new Map<string, Log>();
  const states: StateLine[] = [];
  const archives: ArchiveLine[] = [];
  const readers = new Map<string, ReaderLine[]>();
  const losses: { since: number; until: number }[] = [];
  let quietAt: number | undefined;
  for (const line of lines) {
    switch (line.t) {
      case 'send':
        byId.set(line.id, noteSend(changes, line));
        break;
      case 'sent':
        noteAnswer(byId.get(line.id)!, line);
        break;
      case 'log':
        logs.set(line.channel, line);
        break;
      case 'state':
        states.push(line);
        break;
      case 'archive':
        archives.push(line);
        break;
      case 'loss':
        losses.push(line);
        break;
      case 'quiet':
        quietAt = line.at;
        break;
      case 'fault':
        break;
      default: {
        const own = readers.get(line.reader);
        if (own) own.push(line);
        else readers.set(line.reader, [line]);
      }
    }
  }
  return { changes, logs, states, archives, readers, losses, quietAt };
}

function noteSend(changes: Map<string, Change>, line: Line & { t: 'send' }): Change {
  const key = keyOf(line.channel, line);
  const known = changes.get(key);
  if (known) {
    if (known.body !== line.body) throw new Error(`the writer broke P6: ${key} was sent with other bytes before`);
    known.tries++;
    return known;
  }
  const { channel, from, seq, body, at } = line;
  const change = {
    key,
    channel,
    from,
    seq,
    body,
    sentAt: at,
    okAt: undefined,
    lastOkAt: undefined,
    tries: 1,
    fails: 0,
  };
  changes.set(key, change);
  return change;
}

function noteAnswer(change: Change, { outcome, at }: Line & { t: 'sent' }): void {
  if (outcome === 'fail') change.fails++;
  if (outcome !== 'ok') return;
  change.okAt ??= at;
  change.lastOkAt = at;
}
