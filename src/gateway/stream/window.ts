/**
 * Windows: where a reader starts that asks for the last ten minutes, found by halves and not by reading all that is kept.
 *
 * Events are in the order in which they were merged; their times are those of the buckets that took the changes, whose clocks
 * are not quite in step. So the search is for a moment some seconds before, a probe is several neighbours of which the latest
 * counts, and the last bit is walked: it is begun too early rather than that an event of the window is skipped.
 */
import type { Event } from '../../domain/event.ts';
import type { LogBounds, Position } from '../../domain/position.ts';
import type { Engine } from '../../engine/engine.ts';
import { EngineUnavailable } from '../../errors.ts';
import type { Hub } from '../hub/hub.ts';

/** Looks at a history whose oldest end moves on under the reader. */
const TRIES_MAX = 5;
/** How far clocks may be apart without anybody having to notice. */
const SKEW_MS = 5_000;
/** Neighbours in a probe: it takes a bucket of a clock that is far behind all of them to hide a window. */
const PROBE_EVENTS = 8;
const PROBE_BYTES = 4 << 10;
/** Events between two probes that are walked instead: no more than a page. */
const WALK_EVENTS = 500;
/** Pages walked at the end, for the seconds that the search came early; after those, the window begins early. */
const WALK_PAGES = 4;

/** Before the first kept event that was accepted at that time or later; at the head where there is none. */
export async function windowStart(engine: Engine, hub: Hub, sinceMs: number): Promise<Position> {
  if (sinceMs !== Number.NEGATIVE_INFINITY) {
    const found = inRing(hub, sinceMs);
    if (found) return found;
  }
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const { log } = await engine.readHistory(hub.channel, null, 0);
    const oldest = { epoch: log.epoch, offset: log.oldest - 1 };
    if (sinceMs === Number.NEGATIVE_INFINITY) return oldest;
    const near = await halved(engine, hub, log, sinceMs - SKEW_MS);
    const found = near && (await walked(hub, near, sinceMs));
    if (found) return found;
  }
  throw new EngineUnavailable('the history is trimmed faster than it can be read');
}

const isSince = (sinceMs: number) => (event: Event) => event.atMs >= sinceMs;

/** Most windows are short and begin in the ring: what is before it, is before the window, if its oldest events are well before. */
function inRing(hub: Hub, sinceMs: number): Position | undefined {
  const { epoch, head, floor } = hub;
  const events = hub.after(floor);
  const probe = events.slice(0, PROBE_EVENTS);
  if (probe.length === 0 || probe.some(isSince(sinceMs - SKEW_MS))) return undefined;
  const first = events.find(isSince(sinceMs));
  return { epoch, offset: first ? first.offset - 1 : head };
}

/**
 * A position of which everything before is older, as far as a search by halves can tell. Undefined when another log has taken
 * its place.
 */
async function halved(engine: Engine, hub: Hub, log: LogBounds, sinceMs: number): Promise<Position | undefined> {
  const { epoch } = log;
  /** Everything up to `older` is, and `newer` is not, or is the head. */
  let older = log.oldest - 1;
  let newer = log.head;
  while (newer - older > WALK_EVENTS) {
    const middle = (older + newer) >> 1;
    const probe = await engine.readHistory(hub.channel, { epoch, offset: middle }, PROBE_EVENTS, PROBE_BYTES);
    if (probe.kind === 'events') {
      if (probe.events.some(isSince(sinceMs))) newer = middle;
      else older = middle + probe.events.length;
    } else if (probe.reason === 'trimmed') older = probe.log.oldest - 1;
    else return undefined;
  }
  return { epoch, offset: older };
}

/** From there to the first event of the window. Undefined when the log was trimmed away underneath: look again. */
async function walked(hub: Hub, { epoch, offset: from }: Position, sinceMs: number): Promise<Position | undefined> {
  let offset = from;
  for (let pages = 0; pages < WALK_PAGES; pages++) {
    const page = await hub.page({ epoch, offset });
    if (page.kind === 'gap') return undefined;
    const first = page.events.find(isSince(sinceMs));
    if (first) return { epoch, offset: first.offset - 1 };
    offset = page.through;
    if (page.events.length === 0) break;
  }
  return { epoch, offset };
}
