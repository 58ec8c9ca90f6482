/**
 * Windows: where a reader starts that asks for the last ten minutes, found by halves and not by reading all that is kept.
 *
 * Because mergers of a shard may differ by moments, and the clocks of buckets, the search is for a moment some seconds before, a probe is several
 * neighbours of which the latest counts, and the last bit is walked: it is begun too early rather than that an event is skipped.
 */
import type { Channel } from '../../domain/channel.ts';
import type { Event } from '../../domain/event.ts';
import { type Epoch, type LogBounds, type Position, reachOf } from '../../domain/position.ts';
import type { Histories } from '../../engine/engine.ts';
import { EngineUnavailable } from '../../errors.ts';
import type { Hub } from '../hub/hub.ts';
import type { HubGap, HubPage } from '../hub/hub-page.ts';
import { earlier, isSince, type Moment, momentOf, type Window } from './moment.ts';

/** Looks at a history whose oldest end moves on under the reader. */
const TRIES_MAX = 5;
/** How far the times of neighbours may be out of order without anybody having to notice. */
const SKEW_MS = 5_000;
/** Neighbours in a probe. */
const PROBE_EVENTS = 8;
const PROBE_BYTES = 4 << 10;
/** Events between two probes that are walked instead: no more than a page. */
const WALK_EVENTS = 500;
/** Pages walked at the end, for the seconds that the search came early; after those, the window begins early. */
const WALK_PAGES = 4;

/** One channel's log, as whoever looks for a window reads it. */
export interface WindowLog {
  readonly channel: Channel;
  /** Its newest events, as far as they are in memory. */
  readonly ring: { readonly epoch: Epoch; readonly head: number; readonly events: readonly Event[] } | null;
  page(after: Position): Promise<HubPage>;
}

export function logOfHub(hub: Hub): WindowLog {
  return {
    channel: hub.channel,
    get ring() {
      const { epoch, head, floor } = hub;
      return { epoch, head, events: hub.after(floor) };
    },
    page: (after) => hub.page(after),
  };
}

/** Of a channel that nobody here reads, perhaps. */
export function logInStore(histories: Histories, channel: Channel): WindowLog {
  return {
    channel,
    ring: null,
    async page(after) {
      const page = await histories.readHistory(channel, after, WALK_EVENTS);
      if (page.kind === 'gap') return page;
      return { ...page, through: page.events.at(-1)?.offset ?? after.offset, epoch: page.log.epoch };
    },
  };
}

/**
 * Before the first kept event of the window; at the head where there is none.
 *
 * @param wallMs Now.
 */
export async function windowStart(
  histories: Histories,
  of: WindowLog,
  window: Window,
  wallMs: number,
): Promise<Position> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const { log, clockMs } = await histories.readHistory(of.channel, null, 0);
    if (window.kind === 'all') return { epoch: log.epoch, offset: reachOf(log) - 1 };
    const beginning = momentOf(window, { clockMs, wallMs });
    const early = earlier(beginning, SKEW_MS);
    const found = of.ring && inRing(of.ring, beginning, early);
    if (found) return found;
    const near = await halved(histories, of.channel, log, early);
    const walkedTo = near && (await walked(of, near, beginning));
    if (walkedTo) return walkedTo;
  }
  throw new EngineUnavailable('the history is trimmed faster than it can be read');
}

/** Most windows are short and begin in the ring: what is before it, is before the window, if its oldest events are well before. */
function inRing(
  { epoch, head, events }: NonNullable<WindowLog['ring']>,
  beginning: Moment,
  early: Moment,
): Position | undefined {
  const probe = events.slice(0, PROBE_EVENTS);
  if (probe.length === 0 || probe.some(isSince(early))) return undefined;
  const first = events.find(isSince(beginning));
  return { epoch, offset: first ? first.offset - 1 : head };
}

/**
 * A position of which everything before is older, as far as a search by halves can tell. Undefined when another log has taken
 * its place.
 */
async function halved(
  histories: Histories,
  channel: Channel,
  log: LogBounds,
  early: Moment,
): Promise<Position | undefined> {
  const { epoch } = log;
  /** Everything up to `older` is, and `newer` is not, or is the head. */
  let older = reachOf(log) - 1;
  let newer = log.head;
  while (newer - older > WALK_EVENTS) {
    const middle = (older + newer) >> 1;
    const probe = await histories.readHistory(channel, { epoch, offset: middle }, PROBE_EVENTS, PROBE_BYTES);
    if (probe.kind === 'events') {
      if (probe.events.some(isSince(early))) newer = middle;
      else older = middle + probe.events.length;
    } else if (probe.reason === 'trimmed') older = oldestAfter(probe) - 1;
    else return undefined;
  }
  return { epoch, offset: older };
}

/** From there to the first event of the window. Undefined when the log was trimmed away underneath: look again. */
async function walked(
  of: WindowLog,
  { epoch, offset: from }: Position,
  beginning: Moment,
): Promise<Position | undefined> {
  let offset = from;
  for (let pages = 0; pages < WALK_PAGES; pages++) {
    const page = await of.page({ epoch, offset });
    if (page.kind === 'gap') {
      if (page.reason !== 'trimmed' || oldestAfter(page) - 1 <= offset) return undefined;
      offset = oldestAfter(page) - 1;
      continue;
    }
    const first = page.events.find(isSince(beginning));
    if (first) return { epoch, offset: first.offset - 1 };
    offset = page.through;
    if (page.events.length === 0) break;
  }
  return { epoch, offset };
}

/** Where to go on after what cannot be had. */
function oldestAfter({ isArchiveAway, log }: Pick<HubGap, 'isArchiveAway' | 'log'>): number {
  return isArchiveAway ? log.oldest : reachOf(log);
}
