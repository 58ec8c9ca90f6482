/**
 * Comparing: what a hub has seen against what the store has.
 *
 * The last event that the hub knows must be there, unchanged, and what follows it is the hub's to take. Whatever else the
 * store says is either a log that is another one, or one that is behind what was seen here.
 */
import type { Channel } from '../../domain/channel.ts';
import type { Event } from '../../domain/event.ts';
import type { Epoch, LogBounds, Position } from '../../domain/position.ts';
import type { HistoryPage } from '../../engine/comparing.ts';
import type { Engine } from '../../engine/engine.ts';
import { PAGE_BYTES, PAGE_EVENTS } from './hub-page.ts';
import type { Ring } from './ring.ts';

export type Verdict =
  | { readonly kind: 'same'; readonly log: LogBounds; readonly events: readonly Event[] }
  | { readonly kind: 'another'; readonly log: LogBounds }
  /** Less, or something else than was seen here: this event is the evidence, or only the head where none is held. */
  | { readonly kind: 'behind'; readonly seen: Event | undefined };

/** How much is asked for: a `look` is the last known event alone, and where the log's head is; a `page` also what follows. */
export type Extent = 'look' | 'page';

/**
 * History from the last known event on, that one included where it is held: so that each page is compared with what it
 * follows, whatever has become of the log since the page before.
 */
export async function readFrom(
  engine: Engine,
  channel: Channel,
  head: Position,
  last: Event | undefined,
  extent: Extent,
): Promise<HistoryPage> {
  if (!last) return engine.readHistory(channel, head, PAGE_EVENTS, PAGE_BYTES);
  const before = { epoch: head.epoch, offset: head.offset - 1 };
  const limit = extent === 'look' ? 1 : PAGE_EVENTS;
  // Beside the last event, which would fill a page by itself where changes are large.
  const page = await engine.readHistory(channel, before, limit, last.bytes.length + PAGE_BYTES);
  return isGone(page) ? engine.readHistory(channel, head, PAGE_EVENTS, PAGE_BYTES) : page;
}

/** The last event may be all that is left of the log, or all of it may be gone: then there is nothing to compare with. */
export function isGone(page: HistoryPage): boolean {
  return page.kind === 'gap' && (page.reason === 'trimmed' || page.reason === 'forgotten');
}

/** @param page What `readFrom` found, while the ring kept its last event at this head. */
export function judge(page: HistoryPage, ring: Ring, { epoch, head }: { epoch: Epoch; head: number }): Verdict {
  const last = ring.at(head);
  if (page.kind === 'gap') {
    return page.reason === 'ahead' ? { kind: 'behind', seen: last } : { kind: 'another', log: page.log };
  }
  if (page.log.epoch !== epoch) return { kind: 'another', log: page.log };
  if (page.log.head < head) return { kind: 'behind', seen: last };
  const differing = page.events.find((event) => ring.contradicts(event));
  if (differing) return { kind: 'behind', seen: ring.at(differing.offset) };
  return { kind: 'same', log: page.log, events: page.events };
}
