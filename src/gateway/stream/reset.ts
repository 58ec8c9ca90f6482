/**
 * Resets: where a reader goes on whose position could not be kept, and what it is told of that (P12).
 *
 *   with a state       the state as it is now, and the events after it
 *   without            the events that are kept, from the oldest on: they are all there is to tell
 *   overtaken again    a reader of such a channel that is slower than its history is trimmed: from now on, or it would start over
 *                      for ever; likewise who has no right to the past
 *
 * A state is one, here, if it has a field: before the first of them the fold of all events is nothing, whatever the reducer.
 */
import { type LogBounds, type Position, reachOf } from '../../domain/position.ts';
import type { Snapshot } from '../../engine/engine.ts';
import { EngineUnavailable } from '../../errors.ts';
import type { Hub } from '../hub/hub.ts';
import type { HubGap } from '../hub/hub-page.ts';

export interface Reset {
  readonly status: 'reset';
  readonly position: Position;
  /** How many events it will never see; null when what it brought says nothing about this log. */
  readonly lost: number | null;
  /** The state at the position. */
  readonly snapshot: Snapshot;
  /** The oldest event that could be asked for, where that was looked at. */
  readonly oldest?: number;
  /** What it brought can be no cursor: a slip of whoever wrote it, not of time. Or what was before now is not for this reader. Or it is in the archive, which does not answer. */
  readonly reason?: 'malformed' | 'forbidden' | 'archive_away';
}

/** Why a reader starts over. */
export interface Broken {
  /** Where it was; undefined where what it brought is no position in this log. */
  readonly from?: Position | undefined;
  readonly gap?: HubGap;
  /** Whatever is kept: it was on its way from the oldest kept event and that was trimmed, or what was is not for it. */
  readonly isFromNow?: boolean;
}

/** Looks at a log that may be renewed, or trimmed, between a read of its state and one of its bounds. */
const TRIES_MAX = 5;

export async function startOver(hub: Hub, broken: Broken): Promise<Reset> {
  return (await startOverFrom(hub, broken)).reset;
}

/** The same, with the state as it was read for that. */
export async function startOverFrom(hub: Hub, broken: Broken): Promise<{ reset: Reset; snapshot: Snapshot }> {
  let log = broken.gap?.log;
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const snapshot = await hub.snapshot();
    if (snapshot.state.size === 0) log ??= await hub.bounds();
    const reset = resetAt(snapshot, log, broken);
    if (reset) return { reset, snapshot };
    log = undefined;
  }
  throw new EngineUnavailable('the log is renewed faster than it can be read');
}

/**
 * The same from a state that was read before.
 *
 * @param log Needed only where the state is empty.
 * @returns undefined when the two are not of one log, or nobody knows the state before the oldest event any more.
 */
export function resetAt(
  snapshot: Snapshot,
  log: LogBounds | undefined,
  { from, gap, isFromNow = false }: Broken,
): Reset | undefined {
  const at = snapshot.state.size > 0 || isFromNow ? snapshot : log && beginningOf(snapshot, log);
  if (!at) return undefined;
  const { epoch, offset } = at;
  const isCounted = from && gap?.reason === 'trimmed' && gap.log.epoch === epoch;
  const lost = isCounted ? offset - Math.max(from.offset, gap.log.base) : null;
  const kept = log?.epoch === epoch ? { oldest: reachOf(log) } : {};
  const why = gap?.isArchiveAway ? { reason: 'archive_away' as const } : {};
  return { status: 'reset', position: { epoch, offset }, lost, snapshot: at, ...kept, ...why };
}

/** Of each empty state the beginning that was asked for last: thousands are told the same. */
const beginnings = new WeakMap<Snapshot, Snapshot>();

/** Before the oldest kept event of a channel whose state is empty, and so was before each of its events. */
function beginningOf(snapshot: Snapshot, { epoch, oldest }: LogBounds): Snapshot | undefined {
  const offset = oldest - 1;
  if (epoch !== snapshot.epoch || offset > snapshot.offset) return undefined;
  const known = beginnings.get(snapshot);
  if (known?.offset === offset) return known;
  const beginning = { ...snapshot, offset };
  beginnings.set(snapshot, beginning);
  return beginning;
}
