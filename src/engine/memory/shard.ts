/**
 * One shard of the memory engine: what it holds, and the questions that are answered from it alone.
 */
import type { Change } from '../../domain/change.ts';
import { type Channel, shardOf } from '../../domain/channel.ts';
import { sameEvent } from '../../domain/event.ts';
import type { History } from '../../domain/history.ts';
import { channelEpoch, type Epoch, gapAt, type LogBounds, newEpoch, type Position } from '../../domain/position.ts';
import type { StateField } from '../../domain/state.ts';
import type { Changes, HistoryPage, Mark, Tail } from '../comparing.ts';
import type { Evidence } from '../engine.ts';

/** What is not archived of a shard (`archiving.ts`). */
export interface Backlog {
  /** With so many bytes no change is taken any more. */
  maxBytes: number;
  events: number;
  bytes: number;
}

/** Forgotten channels remembered one by one; older ones are remembered together, as one position of the shard. */
const FORGOTTEN_MAX_CHANNELS = 10_000;

/** What an inbox entry weighs beside the bytes of its change: about what the object costs. */
const ENTRY_OVERHEAD_BYTES = 100;

export interface Log {
  readonly base: number;
  readonly history: History;
  readonly state: Map<string, StateField>;
  /** As the last commit told it. */
  stateBytes: number;
  reducer: string;
  fold: number;
  usedMs: number;
  /** Of the shard, as its last event made it. */
  rev: number;
  /** Up to where it is archived; its base where nothing is. */
  archived: number;
  /** The oldest event that is; 0 where none is. */
  archivedFrom: number;
  /** The last event that told of others that were erased; 0 where none was. */
  erased: number;
  /** By `nameTag` of who was erased: up to where what it sent counts no more in the state. */
  readonly counted: Map<string, number>;
}

interface Publisher {
  seq: number;
  expiresMs: number;
}

export interface Shard {
  epoch: Epoch;
  rev: number;
  events: number;
  /** No position at or after this one belongs to a channel forgotten before; see `forgottenChannels` for the others. */
  forgotten: number;
  readonly forgottenChannels: Map<Channel, number>;
  inbox: Change[];
  inboxBytes: number;
  /** Changes that the inbox has given up since the process began. */
  merged: number;
  holder: { token: string; untilMs: number } | null;
  readonly logs: Map<Channel, Log>;
  /** By `publisherName` (`steps.ts`). In the order in which they were last heard of. */
  readonly publishers: Map<string, Publisher>;
  /** What is not archived; null where nothing is to be. */
  backlog: Backlog | null;
}

export function createShard(): Shard {
  return {
    epoch: newEpoch(),
    rev: 0,
    events: 0,
    forgotten: 0,
    forgottenChannels: new Map(),
    inbox: [],
    inboxBytes: 0,
    merged: 0,
    holder: null,
    logs: new Map(),
    publishers: new Map(),
    backlog: null,
  };
}

export function weigh(change: Change): number {
  return change.bytes.length + ENTRY_OVERHEAD_BYTES;
}

export function boundsOf(shard: Shard, channel: Channel): LogBounds {
  const log = shard.logs.get(channel);
  const forgotten = Math.max(shard.forgotten, shard.forgottenChannels.get(channel) ?? 0);
  if (log) {
    const { head, oldest } = log.history;
    const bounds = { epoch: channelEpoch(shard.epoch, log.fold), head, base: log.base, oldest, forgotten };
    return {
      ...bounds,
      ...(log.fold === 0 ? {} : { shardEpoch: shard.epoch }),
      ...(log.archivedFrom === 0 ? {} : { archivedFrom: log.archivedFrom }),
      ...(log.erased === 0 ? {} : { erased: log.erased }),
    };
  }
  return { epoch: shard.epoch, head: shard.events, base: shard.events, oldest: shard.events + 1, forgotten };
}

/** The events after a position, or the newest for null. */
export function pageOf(
  shard: Shard,
  channel: Channel,
  after: Position | null,
  limit: number,
  maxBytes: number,
): HistoryPage {
  const log = boundsOf(shard, channel);
  const history = shard.logs.get(channel)?.history;
  if (after === null) return { kind: 'events', log, events: history?.newest(limit, maxBytes) ?? [] };
  const reason = gapAt(after, log);
  if (reason) return { kind: 'gap', log, reason };
  return { kind: 'events', log, events: history?.after(after.offset, limit, maxBytes) ?? [] };
}

/** The same for many; null for those that there is no room for. */
export function tailsOf(
  shard: Shard,
  wanted: readonly Tail[],
  limit: number,
  maxBytes: number,
): (HistoryPage | null)[] {
  let bytesLeft = maxBytes;
  return wanted.map(({ channel, after }) => {
    if (bytesLeft < 0) return null;
    const page = pageOf(shard, channel, after, limit, bytesLeft);
    if (page.kind === 'events') for (const { bytes } of page.events) bytesLeft -= bytes.length;
    return page;
  });
}

/** What has changed since a mark, which is made of the epoch, `rev` and `events`. */
export function changesSince(shard: Shard, since: Mark | null, limit: number): Changes {
  const { epoch, rev, events } = shard;
  const changes = { mark: `${epoch} ${rev} ${events}`, epoch, emptyHead: events };
  const [epochThen, revThen, eventsThen] = (since ?? '').split(' ');
  if (epochThen !== epoch || shard.forgotten > Number(eventsThen)) return { ...changes, channels: null };
  const channels = new Set<Channel>();
  for (const [channel, log] of shard.logs) if (log.rev > Number(revThen)) channels.add(channel);
  for (const [channel, position] of shard.forgottenChannels) if (position > Number(eventsThen)) channels.add(channel);
  return { ...changes, channels: channels.size > limit ? null : [...channels] };
}

/** What `renew` goes by: of the channel, where it is about one. */
export function epochFor(shard: Shard, evidence: Evidence): Epoch {
  return 'channel' in evidence ? boundsOf(shard, evidence.channel).epoch : shard.epoch;
}

/** Whether the evidence tells of something that this shard does not have. */
export function isMissing(shard: Shard, evidence: Evidence): boolean {
  if (evidence.kind === 'unvouched') return false;
  if (evidence.kind === 'rev') return shard.rev < evidence.rev;
  if (evidence.kind === 'head') return boundsOf(shard, evidence.channel).head < evidence.offset;
  const log = shard.logs.get(evidence.channel);
  const { offset } = evidence.event;
  const { head, base, forgotten } = boundsOf(shard, evidence.channel);
  if (offset > head) return true;
  // Before the log began there can only have been another one, which must have been forgotten since.
  if (offset <= base) return offset > forgotten;
  const kept = log?.history.at(offset);
  return kept !== undefined && !sameEvent(kept, evidence.event);
}

/** The channel is no more; the position of its end is remembered. */
export function forget(shard: Shard, channel: Channel): void {
  shard.logs.delete(channel);
  shard.forgottenChannels.delete(channel);
  shard.forgottenChannels.set(channel, shard.events);
  if (shard.forgottenChannels.size <= FORGOTTEN_MAX_CHANNELS) return;
  const [oldest, position] = shard.forgottenChannels.entries().next().value!;
  shard.forgottenChannels.delete(oldest);
  shard.forgotten = Math.max(shard.forgotten, position);
}

/** Which channels would be remembered one by one no more, were these forgotten. */
export function outOfMind({ forgottenChannels }: Shard, channels: readonly Channel[]): Channel[] {
  if (forgottenChannels.size + channels.length <= FORGOTTEN_MAX_CHANNELS) return [];
  const others = new Set(forgottenChannels.keys());
  for (const channel of channels) others.delete(channel);
  return [...others].slice(0, Math.max(0, others.size + channels.length - FORGOTTEN_MAX_CHANNELS));
}

export function groupByShard(changes: readonly Change[], shards: number): Map<number, Change[]> {
  const groups = new Map<number, Change[]>();
  for (const change of changes) {
    const shard = shardOf(change.channel, shards);
    const group = groups.get(shard);
    if (group) group.push(change);
    else groups.set(shard, [change]);
  }
  return groups;
}
