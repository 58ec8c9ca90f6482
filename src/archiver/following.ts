/**
 * How the archive's log of a channel follows on the engine's: from where it is read, and what it means when it cannot be read
 * from there. Pure.
 *
 * It is read from one event before what is new: that one must be what the archive has, or the engine has lost events and made others
 * under their offsets.
 */
import type { FollowedLog } from '../archive/archive.ts';
import { type Event, sameEvent } from '../domain/event.ts';
import { channelEpoch, type Epoch, foldOf, type LogBounds, type Position } from '../domain/position.ts';
import type { HistoryPage } from '../engine/comparing.ts';

/** What is known of a channel. */
export interface Followed {
  /** Null where none is to be followed: it begins where the engine's does. */
  readonly log: FollowedLog | null;
  /** Of what the archive has above this, the engine has nothing any more. */
  readonly cutAbove?: number;
  /** Of the channel, as far as it is known; else that of its shard, then. */
  readonly epoch: Epoch;
  /** Where it begins, where there is no log. */
  readonly begin: number;
  /** Whether the event before has been trimmed already. */
  readonly isBare: boolean;
}

export type Step =
  /** @field events What the archive does not have. @field isWhole Whether that is all there is. */
  | { readonly kind: 'events'; readonly events: readonly Event[]; readonly isWhole: boolean }
  /** To be read again, so. */
  | { readonly kind: 'again'; readonly followed: Followed }
  /** The epoch is another one: how much of the log before is in it must be asked for. */
  | { readonly kind: 'renewed'; readonly log: FollowedLog }
  /** The engine does not have what the archive was given: it is told. */
  | { readonly kind: 'lost'; readonly event: Event }
  /** @field isHole Whether there were events that nobody has. */
  | { readonly kind: 'begin'; readonly followed: Followed; readonly isHole: boolean };

export function follow(log: FollowedLog | null, shardEpoch: Epoch): Followed {
  return { log, epoch: log?.epoch ?? shardEpoch, begin: 0, isBare: false };
}

/** Up to where the archive has it. */
export function headOf({ log, cutAbove = Number.POSITIVE_INFINITY, begin }: Followed): number {
  return log === null ? begin : Math.min(log.head, cutAbove);
}

export function positionOf(followed: Followed): Position {
  const { log, cutAbove, epoch, isBare } = followed;
  const head = headOf(followed);
  return { epoch, offset: log !== null && hasLast(log, cutAbove) && !isBare ? head - 1 : head };
}

/** What a page that was read from `positionOf` says. */
export function stepFrom(followed: Followed, page: HistoryPage): Step {
  const { log, cutAbove } = followed;
  if (page.kind === 'gap') return stepFromGap(followed, page);
  const { head } = page.log;
  let events = page.events;
  if (log !== null && hasLast(log, cutAbove) && !followed.isBare) {
    const [first, ...rest] = events;
    if (first === undefined || !sameEvent(first, log.last)) return { kind: 'lost', event: log.last };
    events = rest;
  }
  return { kind: 'events', events, isWhole: (events.at(-1)?.offset ?? headOf(followed)) >= head };
}

function stepFromGap(followed: Followed, { log: bounds, reason }: HistoryPage & { kind: 'gap' }): Step {
  const { log } = followed;
  const shardEpoch = bounds.shardEpoch ?? bounds.epoch;
  const begin = (isHole: boolean): Step => ({ kind: 'begin', isHole, followed: beginning(bounds) });
  if (log === null) return begin(false);
  switch (reason) {
    case 'epoch':
      if (shardEpoch !== log.epoch && followed.cutAbove === undefined) return { kind: 'renewed', log };
      return { kind: 'again', followed: { ...followed, epoch: bounds.epoch } };
    case 'ahead':
      return log.last === null ? begin(true) : { kind: 'lost', event: log.last };
    case 'trimmed':
      if (!followed.isBare) return { kind: 'again', followed: { ...followed, isBare: true } };
      // Of another channel of that name nothing is missing: it began later.
      return begin(bounds.base <= log.head);
    case 'forgotten':
      return begin(false);
  }
}

/**
 * How it goes on in another epoch.
 *
 * @param bounds As `readHistory` tells them, with the parent and the fork.
 */
export function followRenewed(log: FollowedLog, bounds: LogBounds): Followed | null {
  const { epoch, parent, fork } = bounds;
  if (fork === undefined || parent !== channelEpoch(log.epoch, foldOf(bounds))) return null;
  const isCut = log.head > fork;
  return { log, epoch, begin: 0, isBare: false, ...(isCut && { cutAbove: fork }) };
}

/** From the oldest event that the engine has. */
export function beginning({ epoch, oldest }: LogBounds): Followed {
  return { log: null, epoch, begin: oldest - 1, isBare: false };
}

function hasLast(log: FollowedLog, cutAbove: number | undefined): log is FollowedLog & { readonly last: Event } {
  return log.last !== null && (cutAbove === undefined || cutAbove >= log.head);
}
