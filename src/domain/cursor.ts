/**
 * Cursors: the text form of one or several positions, as clients see it in `id:` and send it back in `Last-Event-ID`.
 *
 * Opaque to clients; `[A-Za-z0-9._~-]` only, so that the header never costs a browser a CORS preflight. Parsing never
 * throws: whatever a client sends has a defined answer, and for what is not a cursor that is undefined.
 */
import { createHash } from 'node:crypto';
import { type Channel, hashOf } from './channel.ts';
import { EPOCH_PATTERN, EPOCHS, type Epoch, epochOf, type Position } from './position.ts';

/**
 * Longer ones are not ours: 16 offsets of 11 base-36 digits and a digest are 199 bytes. Ours stay within the 128 that
 * cost no preflight until a channel of sixteen passes 2 · 10⁹ events.
 */
const CURSOR_MAX_BYTES = 256;

/** As many as a stream has channels; each has an epoch, a dot and 11 digits at most. */
const JOINED_MAX = 16;
const JOINED_MAX_BYTES = JOINED_MAX * 18 + JOINED_MAX - 1;

const offsetPattern = /^(0|[1-9a-z][0-9a-z]{0,10})$/;

/** Eight base-36 characters that name these channels, in this order, in these epochs. */
function digestOf(channels: readonly Channel[], epochs: readonly Epoch[]): string {
  const hash = createHash('sha256');
  for (let i = 0; i < channels.length; i++) hash.update(`${channels[i]} ${epochs[i]}\n`);
  return (hash.digest().readUIntBE(0, 6) % 36 ** 8).toString(36).padStart(8, '0');
}

/**
 * An epoch as one channel's cursors show it: shifted by the channel's name. Channels of one shard are in the same epoch,
 * and a cursor that strayed to another of them would pass for one of its own; shifted back by the wrong name, it is of an
 * epoch that is not.
 */
function shiftEpoch(epoch: Epoch, channel: Channel, direction: 1 | -1): Epoch {
  const shifted = Number.parseInt(epoch, 36) + direction * hashOf(channel);
  return epochOf(((shifted % EPOCHS) + EPOCHS) % EPOCHS);
}

/** One for all offsets; or, of a joined cursor, one for each. */
export type CursorPrefix = string | readonly string[];

/**
 * What is before the offsets of a cursor: the shifted epoch of a single channel, the digest of several, or the shifted epoch of each. It
 * stays the same from event to event, so a writer computes it once and appends offsets.
 *
 * @param isJoined Whether a cursor of several channels is one of each, joined: longer, and good for other sets of channels too (P40).
 */
export function cursorPrefix(channels: readonly Channel[], epochs: readonly Epoch[], isJoined = false): CursorPrefix {
  if (channels.length === 1) return shiftEpoch(epochs[0]!, channels[0]!, 1);
  return isJoined ? channels.map((channel, i) => shiftEpoch(epochs[i]!, channel, 1)) : digestOf(channels, epochs);
}

/** `<prefix>.<offset>[.<offset>…]`, or `<prefix>.<offset>[~<prefix>.<offset>…]`: offsets in base 36, in the order of the channels in the URL. */
export function formatCursor(prefix: CursorPrefix, offsets: readonly number[]): string {
  if (typeof prefix !== 'string') return prefix.map((each, i) => `${each}.${offsets[i]!.toString(36)}`).join('~');
  let text = prefix;
  for (const offset of offsets) text += `.${offset.toString(36)}`;
  return text;
}

export function cursorOf(channel: Channel, { epoch, offset }: Position): string {
  return formatCursor(cursorPrefix([channel], [epoch]), [offset]);
}

export interface ParsedCursor {
  readonly prefix: string;
  readonly offsets: readonly number[];
}

/** The parts of a cursor of `count` channels, or undefined when the text cannot be one. */
export function parseCursor(text: string, count: number): ParsedCursor | undefined {
  if (text.length > CURSOR_MAX_BYTES) return undefined;
  const [prefix = '', ...digits] = text.split('.');
  const prefixFits = count === 1 ? EPOCH_PATTERN.test(prefix) : /^[0-9a-z]{8}$/.test(prefix);
  if (!prefixFits || digits.length !== count) return undefined;
  const offsets: number[] = [];
  for (const digit of digits) {
    const offset = offsetPattern.test(digit) ? Number.parseInt(digit, 36) : Number.NaN;
    if (!Number.isSafeInteger(offset)) return undefined;
    offsets.push(offset);
  }
  return { prefix, offsets };
}

/** The position that a text stands for as a cursor of this channel; undefined for what is no cursor of one channel. */
export function parsePosition(text: string, channel: Channel): Position | undefined {
  const cursor = parseCursor(text, 1);
  return cursor && positionOf(cursor, channel);
}

/** @param cursor Of one channel. */
export function positionOf(cursor: ParsedCursor, channel: Channel): Position {
  return { epoch: shiftEpoch(cursor.prefix, channel, -1), offset: cursor.offsets[0]! };
}

/**
 * The positions a cursor of several channels stands for, given the epochs these channels are in now; undefined for one of
 * other channels, of another order, or of any other epoch, all of which are answered `reset`.
 */
export function resolveCursor(
  cursor: ParsedCursor,
  channels: readonly Channel[],
  epochs: readonly Epoch[],
): Position[] | undefined {
  if (cursor.prefix !== digestOf(channels, epochs)) return undefined;
  return cursor.offsets.map((offset, i) => ({ epoch: epochs[i]!, offset }));
}

/** The epoch that a channel is in, and the one before, where positions of that may be of this one as well. */
export interface Lineage {
  readonly epoch: Epoch;
  readonly parent: Epoch | undefined;
}

/**
 * The same for channels of which some may have a new epoch since: all that have a parent together, for what takes over from one Redis
 * takes over all of its shards, or one of them.
 */
export function resolveInLineage(
  cursor: ParsedCursor,
  channels: readonly Channel[],
  lineages: readonly Lineage[],
): Position[] | undefined {
  const before = (isSo: (i: number) => boolean) =>
    lineages.map(({ epoch, parent }, i) => (isSo(i) ? (parent ?? epoch) : epoch));
  const some = lineages.flatMap(({ parent }, i) => (parent === undefined ? [] : [i]));
  const tries = [before(() => false), ...(some.length === 0 ? [] : [before(() => true)])];
  if (some.length > 1) tries.push(...some.map((one) => before((i) => i === one)));
  for (const epochs of tries) {
    const positions = resolveCursor(cursor, channels, epochs);
    if (positions) return positions;
  }
  return undefined;
}

/** Cursors of one channel each, joined by `~`; undefined when the text cannot be that. */
export function parseJoined(text: string): ParsedCursor[] | undefined {
  if (text.length > JOINED_MAX_BYTES) return undefined;
  const cursors = text.split('~').map((each) => parseCursor(each, 1));
  return cursors.length <= JOINED_MAX && cursors.every((each) => each !== undefined) ? cursors : undefined;
}

export interface ResolvedCursors {
  /** Of each channel, where one of the cursors is its own; of several the one that is furthest back. */
  readonly positions: (Position | undefined)[];
  /** Whether one is of none of the channels: of another channel, or of another epoch of one of them. */
  readonly hasStranger: boolean;
}

/** The positions that these cursors stand for, in whatever order, given where the channels are now. */
export function resolveJoined(
  cursors: readonly ParsedCursor[],
  channels: readonly Channel[],
  lineages: readonly Lineage[],
): ResolvedCursors {
  const known = new Set<string>();
  const positions = channels.map((channel, i) => {
    const { epoch, parent } = lineages[i]!;
    let found: Position | undefined;
    for (const each of parent === undefined ? [epoch] : [epoch, parent]) {
      const prefix = shiftEpoch(each, channel, 1);
      known.add(prefix);
      const own = cursors.filter((cursor) => cursor.prefix === prefix);
      if (own.length > 0) found ??= { epoch: each, offset: Math.min(...own.map(({ offsets }) => offsets[0]!)) };
    }
    return found;
  });
  return { positions, hasStranger: cursors.some(({ prefix }) => !known.has(prefix)) };
}
