/**
 * Resets: what streams are told that have to start over in their middle. Thousands may, at once and from the same place, so
 * the state is read once for them, and its frames are made once.
 */
import type { Snapshot } from '../../engine/engine.ts';
import type { Hub } from '../hub/hub.ts';
import type { HubGap } from '../hub/hub-page.ts';
import { type Broken, type Reset, resetAt, startOverFrom } from '../stream/reset.ts';
import type { Stream } from '../stream/stream.ts';
import { syncFrames } from '../stream/sync.ts';

interface Frames {
  readonly key: string;
  readonly bytes: Buffer;
}

/** The last state read for a hub, as long as the garbage collector leaves it. */
const newest = new WeakMap<Hub, WeakRef<Snapshot>>();
/** Of the streams that were told last of a state, in each format. */
const told = new WeakMap<Snapshot, WeakMap<object, Frames>>();

/** From the last state that was read, where the ring still has all that came after it: the next of thousands is told the same. */
export async function resetOf(hub: Hub, broken: Broken & { readonly gap: HubGap }): Promise<Reset> {
  const known = newest.get(hub)?.deref();
  const same = known && hub.covers(known) && resetAt(known, broken.gap.log, broken);
  if (same) return same;
  const { reset, snapshot } = await startOverFrom(hub, broken);
  newest.set(hub, new WeakRef(snapshot));
  return reset;
}

/** Its position in the channel of this index is of another epoch from now on, and nothing is lost. */
export function renamedFrames({ audience, positions, heartbeatMs }: Stream, index: number): Buffer {
  const { hubs, format } = audience;
  const hub = hubs[index]!;
  const position = positions[index]!;
  const start = { status: 'resumed', position, missed: Math.max(0, hub.head - position.offset) } as const;
  return Buffer.from(syncFrames(format, [{ hub, start }], { hubs, positions }, { heartbeatMs }));
}

/** @param start That of the channel of this index; the stream's positions have it already. */
export function resetFrames({ audience, positions, heartbeatMs }: Stream, index: number, start: Reset): Buffer {
  const { hubs, format } = audience;
  const hub = hubs[index]!;
  const key = `${heartbeatMs} ${index} ${start.lost} ${hub.head} ${start.oldest ?? hub.oldest} ${positions.map(({ epoch, offset }) => `${epoch}.${offset}`)} ${hubs.map(({ channel }) => channel)}`;
  const ofState = told.get(start.snapshot) ?? new WeakMap<object, Frames>();
  told.set(start.snapshot, ofState);
  const known = ofState.get(format);
  if (known?.key === key) return known.bytes;
  const bytes = Buffer.from(syncFrames(format, [{ hub, start }], { hubs, positions }, { heartbeatMs }));
  ofState.set(format, { key, bytes });
  return bytes;
}
