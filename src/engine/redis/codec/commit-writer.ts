/**
 * Writes what a commit does to its channels: one flat MessagePack array, in the order that `lua/commit.lua` says.
 *
 * One argument instead of a dozen for each channel: that, and not the work itself, was most of what a commit of some
 * changes to as many channels cost the merger and Redis.
 */
import type { Event } from '../../../domain/event.ts';
import { channelEpoch, type Epoch } from '../../../domain/position.ts';
import type { ChannelCommit } from '../../engine.ts';
import { encodeField } from './codec.ts';
import { eventSize, writeEvent } from './event-writer.ts';
import {
  asciiSize,
  bytesSize,
  LONG_ARRAY_HEAD_BYTES,
  numberSize,
  textSize,
  writeAscii,
  writeLongArrayHead,
  writeNumber,
  writeStringHead,
  writeText,
} from './pack.ts';

/** What stands before the events, fields and publishers of a channel. */
const ELEMENTS_BEFORE = 11;

interface Encoded {
  readonly commit: ChannelCommit;
  readonly before: string;
  readonly after: string;
  readonly first: number;
  /** Of the channel. */
  readonly epoch: Epoch;
  readonly refold: string;
  readonly fields: readonly (readonly [name: string, value: Buffer])[];
  readonly publishers: readonly (readonly [from: string, seq: string])[];
}

/** @param mergedMs When, by the clock of the shard, to the millisecond; undefined where that is not known. */
export function encodeChannels(epoch: Epoch, commits: readonly ChannelCommit[], mergedMs?: number): Buffer {
  const channels = commits.map((commit) => encoded(commit, epoch));
  let size = LONG_ARRAY_HEAD_BYTES;
  let elements = 0;
  for (const channel of channels) {
    const { commit, fields, publishers } = channel;
    size += channelSize(channel, mergedMs);
    elements += ELEMENTS_BEFORE + commit.events.length + 2 * (fields.length + publishers.length);
  }
  const target = Buffer.allocUnsafe(size);
  let at = writeLongArrayHead(target, 0, elements);
  for (const channel of channels) at = writeChannel(target, at, channel, mergedMs);
  return target;
}

function encoded(commit: ChannelCommit, epoch: Epoch): Encoded {
  const { channel, head, events, state, seqs, refold, fold = 0 } = commit;
  const first = events.length === 0 ? 0 : events[0]!.offset;
  // Offsets are stored nowhere, they follow from the place: one that does not would be another from then on.
  if ((head !== null && first > 0 && first !== head + 1) || !areContiguous(events, first)) {
    throw new RangeError(`the offsets of a commit to ${channel} do not follow its head and each other`);
  }
  return {
    commit,
    before: head === null ? '' : String(head),
    after: String(first + events.length - 1),
    first,
    epoch: channelEpoch(epoch, refold ?? fold),
    refold: refold === undefined ? '' : String(refold),
    fields: state.size === 0 ? [] : Array.from(state, ([name, field]) => [name, encodeField(field)]),
    publishers: seqs.size === 0 ? [] : Array.from(seqs, ([from, seq]) => [from, String(seq)]),
  };
}

function areContiguous(events: readonly Event[], first: number): boolean {
  for (let i = 0; i < events.length; i++) if (events[i]!.offset !== first + i) return false;
  return true;
}

function channelSize(channel: Encoded, mergedMs: number | undefined): number {
  const { before, after, first, epoch, refold, fields, publishers } = channel;
  const { events, reducer, stateBytes } = channel.commit;
  let size = asciiSize(channel.commit.channel) + asciiSize(before) + asciiSize(after) + textSize(reducer);
  size += numberSize(first) + bytesSize(batchHeadSize(epoch, first));
  size += numberSize(events.length) + numberSize(fields.length) + numberSize(publishers.length);
  size += numberSize(stateBytes) + asciiSize(refold);
  for (const event of events) size += bytesSize(eventSize(event, mergedAfter(event, mergedMs)));
  for (const [name, value] of fields) size += textSize(name) + bytesSize(value.length);
  for (const [from, seq] of publishers) size += asciiSize(from) + asciiSize(seq);
  return size;
}

function mergedAfter({ atMs }: Event, mergedMs: number | undefined): number | undefined {
  return mergedMs === undefined ? undefined : mergedMs - atMs;
}

function writeChannel(target: Buffer, start: number, channel: Encoded, mergedMs: number | undefined): number {
  const { before, after, first, epoch, refold, fields, publishers } = channel;
  const { events, reducer, stateBytes } = channel.commit;
  let at = writeAscii(target, start, channel.commit.channel);
  at = writeAscii(target, at, before);
  at = writeAscii(target, at, after);
  at = writeText(target, at, reducer);
  at = writeNumber(target, at, first);
  at = writeBatchHead(target, at, epoch, first, events.length);
  at = writeNumber(target, at, events.length);
  at = writeNumber(target, at, fields.length);
  at = writeNumber(target, at, publishers.length);
  at = writeNumber(target, at, stateBytes);
  at = writeAscii(target, at, refold);
  for (const event of events) {
    const mergedAfterMs = mergedAfter(event, mergedMs);
    at = writeStringHead(target, at, eventSize(event, mergedAfterMs));
    at = writeEvent(target, at, event, mergedAfterMs);
  }
  for (const [name, value] of fields) {
    at = writeText(target, at, name);
    at = writeStringHead(target, at, value.length);
    at += value.copy(target, at);
  }
  for (const [from, seq] of publishers) {
    at = writeAscii(target, at, from);
    at = writeAscii(target, at, seq);
  }
  return at;
}

/**
 * What stands before the events in a published batch: `[epoch, firstOffset, event, …]`. The events follow as they are
 * stored, so that each crosses to Redis once and is put together there.
 */
function writeBatchHead(target: Buffer, start: number, epoch: Epoch, first: number, events: number): number {
  let at = writeStringHead(target, start, batchHeadSize(epoch, first));
  at = writeLongArrayHead(target, at, 2 + events);
  at = writeAscii(target, at, epoch);
  return writeNumber(target, at, first);
}

function batchHeadSize(epoch: Epoch, first: number): number {
  return LONG_ARRAY_HEAD_BYTES + asciiSize(epoch) + numberSize(first);
}
