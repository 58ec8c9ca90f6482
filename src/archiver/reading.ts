/** What the archive lacks of some channels of a shard, read from the engine as one: how their logs follow on, and with which events. */
import type { Archive, FollowedLog } from '../archive/archive.ts';
import type { Channel } from '../domain/channel.ts';
import type { Event } from '../domain/event.ts';
import type { Epoch, LogBounds } from '../domain/position.ts';
import type { Unarchived } from '../engine/archiving.ts';
import type { HistoryPage } from '../engine/comparing.ts';
import type { Engine } from '../engine/engine.ts';
import type { Logger } from '../log.ts';
import { beginning, type Followed, follow, followRenewed, positionOf, stepFrom } from './following.ts';
import type { KnownLogs } from './known-logs.ts';

export interface ReadingDeps {
  readonly engine: Engine;
  readonly archive: Pick<Archive, 'logsOf'>;
  readonly log: Logger;
}

export interface Found {
  readonly channel: Channel;
  /** Of its last commit, as it was told. */
  readonly rev: number;
  readonly followed: Followed;
  /** What the archive lacks, or the first part of it. */
  readonly events: readonly Event[];
  readonly isWhole: boolean;
}

/** Events of a channel, and bytes of all, that are read at once: what keeps a store busy for a millisecond or two. */
const EVENTS_MAX = 1_000;
const READ_BYTES = 512 << 10;
/** How often channels are read again that were not what they were. */
const TRIES_MAX = 6;

/** Null where the shard is not what it was: all is to be read again. It ends before the first channel that there was no room for. */
export async function readUnarchived(
  shard: number,
  { epoch, channels }: Unarchived,
  known: KnownLogs,
  { engine, archive, log }: ReadingDeps,
): Promise<Found[] | null> {
  const followed = (await logsOf()).map((each) => follow(each, epoch));
  const found: (Found | undefined)[] = channels.map(() => undefined);

  async function logsOf(): Promise<(FollowedLog | null)[]> {
    const unknown = channels.map(({ channel }) => channel).filter((channel) => known.get(channel) === undefined);
    const read = unknown.length === 0 ? [] : await archive.logsOf(shard, unknown);
    const learnt = new Map(unknown.map((channel, i) => [channel, read[i]!]));
    for (const [channel, each] of learnt) known.set(channel, each);
    return channels.map(({ channel }) => learnt.get(channel) ?? known.get(channel) ?? null);
  }

  /** How it goes on, or begins. */
  async function renewed(channel: Channel, before: Followed): Promise<Followed> {
    const { log: bounds } = await engine.readHistory(channel, null, 0);
    const inThis = followRenewed(before.log!, bounds);
    if (inThis !== null) return inThis;
    tellOfHole(channel, bounds);
    return beginning(bounds);
  }

  function tellOfHole(channel: Channel, { epoch, oldest }: LogBounds): void {
    log.error({ channel, epoch, oldest }, 'the archive cannot follow this channel: a log of it begins anew');
  }

  /** As often as it is found: what may be put back yet is not taken for lost. */
  async function tellLost(channel: Channel, epoch: Epoch, event: Event): Promise<void> {
    const { kind } = await engine.renew(shard, epoch, { kind: 'event', channel, event });
    if (kind === 'kept') return;
    log.warn({ channel, offset: event.offset }, 'an event that is archived is not what the store has: new epoch');
  }

  /** False where the shard is not what it was. */
  async function take(i: number, page: HistoryPage): Promise<boolean> {
    const { channel, rev } = channels[i]!;
    if ((page.log.shardEpoch ?? page.log.epoch) !== epoch) return false;
    const step = stepFrom(followed[i]!, page);
    switch (step.kind) {
      case 'events':
        found[i] = { channel, rev, followed: followed[i]!, events: step.events, isWhole: step.isWhole };
        return true;
      case 'again':
        followed[i] = step.followed;
        return true;
      case 'renewed':
        followed[i] = await renewed(channel, followed[i]!);
        return true;
      case 'begin':
        if (step.isHole) tellOfHole(channel, page.log);
        followed[i] = step.followed;
        return true;
      case 'lost':
        await tellLost(channel, page.log.epoch, step.event);
        return false;
    }
  }

  let wanted = [...channels.keys()];
  for (let tries = 0; tries < TRIES_MAX && wanted.length > 0; tries++) {
    const tails = wanted.map((i) => ({ channel: channels[i]!.channel, after: positionOf(followed[i]!) }));
    const pages = await engine.readTails(shard, tails, EVENTS_MAX, READ_BYTES);
    for (const [n, page] of pages.entries()) if (page !== null && !(await take(wanted[n]!, page))) return null;
    // Those that there was no room for are another round's.
    wanted = wanted.filter((i, n) => pages[n] !== null && found[i] === undefined);
  }
  const end = found.indexOf(undefined);
  return (end === -1 ? found : found.slice(0, end)) as Found[];
}
