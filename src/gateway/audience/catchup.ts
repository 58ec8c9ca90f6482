/**
 * Backfill → cutover → live: how a stream gets from its own positions into its audience without a gap or a repeat.
 *
 * 1. Backfill. As long as some hub's ring does not cover the stream's position, a page of history is read and written, the
 *    position moves, and the connection is given time to take it. Meanwhile the hubs move on; the stream just follows.
 *    What the rings have goes the same way while it is more than a portion: a client that does not read costs no more.
 *    A gap, told by the store itself, is not an error: the stream is told `$sync` `reset` and goes on from the state.
 * 2. Cutover. The moment every hub covers every position, with a portion left at most, the stream joins its audience, which
 *    writes that from the rings. From that check to the join there is no `await`: nothing can happen in between. Put one
 *    there, and an event that arrives at that moment is in nobody's hands.
 * 3. Live. The audience passes on what comes. A stream whose connection is full, or whose hub starts over, is detached
 *    and comes back here with its positions: a returning client, a slow reader and a store that has lost its memory all
 *    take this one way. So a slow reader costs a few numbers while it is full and, when it takes again, reads of history
 *    that it shares with whoever stands where it does.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../clock.ts';
import type { Metrics } from '../../metrics.ts';
import type { HubGap, HubPage } from '../hub/hub-page.ts';
import { startOver } from '../stream/start.ts';
import type { Stream } from '../stream/stream.ts';
import { syncFrames } from '../stream/sync.ts';
import { hasPortions, isLittle, portionOf } from './portions.ts';

export interface CatchUpDeps {
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly heartbeatMs: number;
  /** About so much of what lies behind a stream is written at a time. */
  readonly portionBytes: number;
}

/** Resolves when the stream is live, or closed. Rejects when the engine does not answer: call it again. */
export async function catchUp(stream: Stream, deps: CatchUpDeps): Promise<void> {
  const { audience, transport } = stream;
  const { hubs } = audience;
  let turn = 0;
  while (!stream.isClosed) {
    if (transport.isFull) {
      await transport.drained();
      continue;
    }
    let behind = stream.positions.findIndex((at, i) => !audience.covers(i, at));
    if (behind === -1) {
      if (isLittle(audience, stream.positions, deps.portionBytes)) return audience.join(stream);
      behind = nextBehind(stream, turn);
      turn = behind;
      // A page of a ring comes at once, one after the other: others are to have their turn first.
      await nextTurn();
    }
    const position = stream.positions[behind]!;
    const page = await hubs[behind]!.page(position);
    if (stream.isClosed) return;
    if (page.kind === 'gap') await startAgain(stream, behind, page, deps);
    else writePage(stream, behind, page, deps);
  }
}

/** The next channel, in turn, of which something is left, so that none waits for one that always has more. */
function nextBehind({ audience, positions }: Stream, turn: number): number {
  const { hubs } = audience;
  const inTurn = hubs.map((_, i) => (turn + 1 + i) % hubs.length);
  return inTurn.find((i) => hasPortions(hubs[i]!, positions[i]!))!;
}

/** As much of it as the connection takes; what is left is asked for again. */
function writePage(stream: Stream, index: number, page: HubPage & { kind: 'events' }, deps: CatchUpDeps): void {
  const { audience, positions, transport } = stream;
  const { epoch } = positions[index]!;
  let rest = page.events;
  while (rest.length > 0 && !transport.isFull) {
    const { bytes, events } = portionOf(audience, index, positions, rest, deps.portionBytes);
    positions[index] = { epoch, offset: rest[events - 1]!.offset };
    rest = rest.slice(events);
    if (bytes.length > 0) stream.write(bytes, deps.clock.elapsedMs());
    deps.metrics.deliveries.inc(events);
  }
  if (rest.length === 0) positions[index] = { epoch, offset: page.through };
}

async function startAgain(stream: Stream, index: number, gap: HubGap, deps: CatchUpDeps): Promise<void> {
  const { hubs, format } = stream.audience;
  const hub = hubs[index]!;
  const start = await startOver(hub, stream.positions[index], gap);
  if (stream.isClosed) return;
  stream.positions[index] = start.position;
  const frames = syncFrames(format, [{ hub, start }], { hubs, positions: stream.positions }, deps);
  stream.write(frames, deps.clock.elapsedMs());
}
