/** The control frames that open a stream, or tell it in its middle that it has to start over (P11–P15). */
import { cursorPrefix, formatCursor } from '../../domain/cursor.ts';
import type { Position } from '../../domain/position.ts';
import type { ControlFrame, Format } from '../formats/format.ts';
import type { Hub } from '../hub/hub.ts';
import { snapshotData } from '../routes/snapshot.ts';
import type { ChannelStart, Status } from './start.ts';

const worstFirst: readonly Status[] = ['reset', 'resumed', 'fresh'];

export function worstStatus(starts: readonly ChannelStart[]): Status {
  return worstFirst.find((status) => starts.some((start) => start.status === status))!;
}

export interface SyncOptions {
  readonly heartbeatMs: number;
  /** Only for the first frame of a stream, milliseconds. */
  readonly retryMs?: number;
  /** Only there as well. */
  readonly limits?: PublisherLimits;
}

/** What who sends has to know, and a stream is the first to tell (P11). */
export interface PublisherLimits {
  /** How large a change may be. */
  readonly maxChangeBytes: number;
  /** How many changes a batch may have, and its body bytes (P41). */
  readonly maxBatchChanges: number;
  readonly maxBatchBytes: number;
  /** How long a publisher is remembered: until then its repeats are dropped. */
  readonly dedupeTtlS: number;
}

/**
 * `$sync`, and a `$snapshot` for each start that brings one. The last of them carries the cursor of all positions: a
 * client that is cut off before its first event comes back to exactly there.
 *
 * @param told The channels this is about, and how each starts.
 * @param all Positions of all channels of the stream.
 */
export function syncFrames(
  format: Format,
  told: readonly { readonly hub: Hub; readonly start: ChannelStart }[],
  all: { readonly hubs: readonly Hub[]; readonly positions: readonly Position[] },
  { heartbeatMs, retryMs, limits }: SyncOptions,
): string {
  // No object is spread into another one here: for each V8 would make a hidden class, which stays until all of the heap is collected.
  const channels = Object.create(null) as Record<string, unknown>;
  for (const { hub, start } of told) channels[hub.channel] = describe(hub, start);
  const data: Record<string, unknown> = { status: worstStatus(told.map(({ start }) => start)), channels, heartbeatMs };
  Object.assign(data, limits);
  const sync: Draft = { event: '$sync', data };
  if (retryMs !== undefined) sync.retryMs = retryMs;
  const frames = [sync];
  for (const { hub, start } of told) {
    const snapshot = start.status === 'resumed' ? undefined : start.snapshot;
    if (snapshot) frames.push({ event: '$snapshot', data: snapshotData(hub.channel, snapshot) });
  }
  frames.at(-1)!.cursor = cursorOfAll(all.hubs, all.positions, format.joinsCursors);
  return frames.map((frame) => format.control(frame)).join('');
}

/** One that is being made. */
type Draft = { -readonly [Field in keyof ControlFrame]: ControlFrame[Field] };

export function cursorOfAll(hubs: readonly Hub[], positions: readonly Position[], isJoined = false): string {
  return cursorWriter(hubs, positions, isJoined)(0, positions[0]!.offset);
}

/** Writes cursors of these positions as they move on: each call moves one of them. */
export function cursorWriter(
  hubs: readonly Hub[],
  positions: readonly Position[],
  isJoined = false,
): (index: number, offset: number) => string {
  const prefix = cursorPrefix(
    hubs.map(({ channel }) => channel),
    positions.map(({ epoch }) => epoch),
    isJoined,
  );
  const offsets = positions.map(({ offset }) => offset);
  return (index, offset) => {
    offsets[index] = offset;
    return formatCursor(prefix, offsets);
  };
}

/**
 * A fresh stream is told the head that its cursor stands for, and no oldest event beyond the next one: the channel, also an
 * empty one, may have moved on while its connection was opened.
 */
function describe(hub: Hub, start: ChannelStart): Record<string, unknown> {
  const { status } = start;
  const { offset } = start.position;
  if (status === 'fresh') return { status, head: offset, oldest: Math.min(hub.oldest, offset + 1) };
  const head = Math.max(hub.head, offset);
  if (status === 'resumed') return { status, missed: start.missed, head, oldest: hub.oldest };
  const { lost, reason, oldest = hub.oldest } = start;
  return reason ? { status, lost, reason, head, oldest } : { status, lost, head, oldest };
}
