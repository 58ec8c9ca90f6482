/**
 * Backfill → cutover → live: how a stream gets from its own positions into its audience without a gap or a repeat.
 *
 * 1. Backfill. As long as some hub's ring does not cover the stream's position, a page of history is read and written, the
 *    position moves, and the connection is given time to take it. Meanwhile the hubs move on; the stream just follows.
 *    A gap, told by the store itself, is not an error: the stream is told `$sync` `reset` and goes on from the state.
 * 2. Cutover. The moment every hub covers every position, the stream joins its audience, which writes what is left from
 *    the rings. From that check to the join there is no `await`: nothing can happen in between. Put one there, and an
 *    event that arrives at that moment is in nobody's hands.
 * 3. Live. The audience passes on what comes. A stream whose connection is full, or whose hub starts over, is detached
 *    and comes back here with its positions: a returning client, a slow reader and a store that has lost its memory all
 *    take this one way. So a slow reader costs a few numbers while it is full and, when it takes again, reads of history
 *    that it shares with whoever stands where it does.
 */
import type { Clock } from '../clock.ts';
import type { Metrics } from '../metrics.ts';
import type { HubGap, HubPage } from './hub-page.ts';
import { startOver } from './start.ts';
import type { Stream } from './stream.ts';
import { cursorWriter, syncFrames } from './sync.ts';

export interface CatchUpDeps {
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly heartbeatMs: number;
}

/** Resolves when the stream is live, or closed. Rejects when the engine does not answer: call it again. */
export async function catchUp(stream: Stream, deps: CatchUpDeps): Promise<void> {
  const { audience, transport } = stream;
  const { hubs } = audience;
  while (!stream.isClosed) {
    if (transport.isFull) await transport.drained();
    const behind = stream.positions.findIndex((at, i) => !audience.covers(i, at));
    if (behind === -1) return audience.join(stream);
    const position = stream.positions[behind]!;
    const page = await hubs[behind]!.page(position);
    if (stream.isClosed) return;
    if (page.kind === 'gap') await startAgain(stream, behind, page, deps);
    else writePage(stream, behind, page, deps);
  }
}

function writePage(stream: Stream, index: number, page: HubPage & { kind: 'events' }, deps: CatchUpDeps): void {
  const { audience } = stream;
  const cursorAt = cursorWriter(audience.hubs, stream.positions);
  const text = audience.encode(index, page.events, (offset) => cursorAt(index, offset));
  stream.positions[index] = { epoch: stream.positions[index]!.epoch, offset: page.through };
  if (text === '') return;
  stream.write(text, deps.clock.elapsedMs());
  deps.metrics.deliveries.inc(page.events.length);
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
