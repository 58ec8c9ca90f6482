/**
 * Backfill → cutover → live: how a stream gets from its own positions into its audience without a gap or a repeat.
 *
 * 1. Backfill. As long as some hub's ring does not cover the stream's position, a page of history is read and written, the
 *    position moves, and the connection is given time to take it. Meanwhile the hubs move on; the stream just follows.
 *    What the rings have goes the same way while it is more than a portion: a client that does not read costs no more.
 *    So does what the last flush of a conflating audience told to others, and this stream waited for.
 *    A gap, told by the store itself, is not an error: the stream is told `$sync` `reset` and goes on from the state, or from the
 *    oldest kept event (`reset.ts`). Where its log has a new epoch, which has all that it was given, it is told its new cursor.
 * 2. Cutover. The moment every hub covers every position, with a portion left at most, the stream joins its audience, which
 *    writes that from the rings. From that check to the join there is no `await`: nothing can happen in between. Put one
 *    there, and an event that arrives at that moment is in nobody's hands.
 * 3. Live. The audience passes on what comes. A stream whose connection is full, or whose hub starts over, is detached
 *    and comes back here with its positions: a returning client, a slow reader and a store that has lost its memory all
 *    take this one way. So a slow reader costs a few numbers while it is full and, when it takes again, reads of history
 *    that it shares with whoever stands where it does.
 *
 * Thousands may come here at once, and may wait for the same answer: before each piece of work a stream waits for its turn.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../clock.ts';
import type { Metrics } from '../../metrics.ts';
import type { HubGap } from '../hub/hub-page.ts';
import type { Stream } from '../stream/stream.ts';
import type { Turns } from '../turns.ts';
import { hasPortions, isLittle, portionOf } from './portions.ts';
import { renamedFrames, resetFrames, resetOf } from './resets.ts';
import type { Fresh } from './told.ts';

export interface CatchUpDeps {
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly turns: Turns;
  /** What a stream is told that starts over. */
  readonly heartbeatMs: () => number;
  /** About so much of what lies behind a stream is written at a time. */
  readonly portionBytes: number;
}

/** Resolves when the stream is live, or closed. Rejects when the engine does not answer: call it again. */
export async function catchUp(stream: Stream, deps: CatchUpDeps): Promise<void> {
  const { audience, transport } = stream;
  const { hubs } = audience;
  let last = 0;
  /** Channels in which it has started over on its way. */
  let begun: Set<number> | null = null;
  for (;;) {
    if (transport.isFull) await transport.drained();
    const turn = deps.turns.enter();
    if (turn) await turn;
    if (stream.isClosed) return;
    if (transport.isFull) continue;
    let behind = stream.positions.findIndex((at, i) => !audience.covers(i, at));
    if (behind === -1) {
      const told = toldPage(stream);
      if (told) {
        await writePage(stream, told.index, told.page, deps);
        continue;
      }
      if (isLittle(audience, stream.positions, deps.portionBytes)) return audience.join(stream);
      behind = nextBehind(stream, last);
      last = behind;
      // A page of a ring comes at once, one after the other: others are to have their turn first.
      await nextTurn();
    }
    const position = stream.positions[behind]!;
    const page = await hubs[behind]!.page(position);
    if (stream.isClosed) return;
    if (page.kind === 'gap') {
      begun ??= new Set();
      const isOvertaken = page.reason === 'trimmed' && begun.has(behind);
      begun.add(behind);
      await startAgain(stream, behind, { gap: page, isOvertaken }, deps);
      continue;
    }
    const { events, through, epoch } = page;
    if (epoch !== position.epoch) {
      stream.positions[behind] = { epoch, offset: position.offset };
      stream.write(renamedFrames(stream, behind), deps.clock.elapsedMs());
    }
    const after = (events[0]?.offset ?? through + 1) - 1;
    const isDue = deps.turns.enter();
    if (isDue) await isDue;
    await writePage(stream, behind, { events, after, through }, deps);
  }
}

/** What the last flush told to others and this one has still to be told, of one channel; null when there is nothing. */
function toldPage({
  audience: { heldBack },
  positions,
}: Stream): { readonly index: number; readonly page: Page } | null {
  if (heldBack === null) return null;
  for (const [index, position] of positions.entries()) {
    const page = heldBack.pageFor(index, position);
    if (page !== null) return { index, page };
  }
  return null;
}

/** The next channel, in turn, of which something is left, so that none waits for one that always has more. */
function nextBehind({ audience, positions }: Stream, last: number): number {
  const { hubs } = audience;
  const inTurn = hubs.map((_, i) => (last + 1 + i) % hubs.length);
  return inTurn.find((i) => hasPortions(hubs[i]!, positions[i]!))!;
}

/** Events of one channel, and where a stream is that was given all of them. */
interface Page extends Fresh {
  readonly through: number;
}

/** As much of it as the connection takes, in as many turns as it takes; what is left is asked for again. */
async function writePage(stream: Stream, index: number, page: Page, deps: CatchUpDeps): Promise<void> {
  const { audience, positions, transport } = stream;
  const { epoch } = positions[index]!;
  let rest = page.events;
  let { after } = page;
  while (rest.length > 0 && !transport.isFull && !stream.isClosed) {
    const { bytes, events } = portionOf(audience, index, positions, { events: rest, after }, deps.portionBytes);
    const { offset } = rest[events - 1]!;
    deps.metrics.deliveries.inc(offset - after);
    positions[index] = { epoch, offset };
    rest = rest.slice(events);
    after = offset;
    if (bytes.length > 0) stream.write(bytes, deps.clock.elapsedMs());
    const turn = rest.length > 0 ? deps.turns.enter() : undefined;
    if (turn) await turn;
  }
  if (rest.length === 0) positions[index] = { epoch, offset: page.through };
}

async function startAgain(
  stream: Stream,
  index: number,
  why: { readonly gap: HubGap; readonly isOvertaken: boolean },
  deps: CatchUpDeps,
): Promise<void> {
  const { hubs, isPastClosed } = stream.audience;
  const isFromNow = why.isOvertaken || isPastClosed;
  const start = await resetOf(hubs[index]!, { gap: why.gap, isFromNow, from: stream.positions[index] });
  const turn = deps.turns.enter();
  if (turn) await turn;
  if (stream.isClosed) return;
  stream.positions[index] = start.position;
  stream.heartbeatMs = deps.heartbeatMs();
  stream.write(resetFrames(stream, index, start), deps.clock.elapsedMs());
}
