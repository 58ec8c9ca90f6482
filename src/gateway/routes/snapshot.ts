/** State as JSON: fields that are clean text under `state`, all others in base64 under `b64` (P24). */
import type { Channel } from '../../domain/channel.ts';
import { cursorOf } from '../../domain/cursor.ts';
import type { Snapshot } from '../../engine/engine.ts';
import { base64Of, cleanText } from '../formats/text.ts';

export interface StateView {
  readonly cursor: string;
  /** A deleted field is null, and only listed among changes. */
  readonly state: Record<string, string | null>;
  readonly b64: Record<string, string>;
}

/** @param after Only fields changed by events after this offset; all when it is left out. */
export function viewState(channel: Channel, snapshot: Snapshot, after = -1): StateView {
  const state: [string, string | null][] = [];
  const b64: [string, string][] = [];
  for (const [field, { offset, bytes }] of snapshot.state) {
    if (offset <= after) continue;
    if (bytes === null) {
      if (after >= 0) state.push([field, null]);
      continue;
    }
    const text = cleanText(bytes);
    if (text === undefined) b64.push([field, base64Of(bytes)]);
    else state.push([field, text]);
  }
  // fromEntries, unlike assignment, makes an own property even of `__proto__`.
  return { cursor: cursorOf(channel, snapshot), state: Object.fromEntries(state), b64: Object.fromEntries(b64) };
}

/** Above this a snapshot is not worth a frame: the client is told where to get it. */
const INLINE_MAX_BYTES = 16 * 1024;

/** The data of a `$snapshot` frame, and of a poll's `snapshots`. */
export function snapshotData(channel: Channel, snapshot: Snapshot): Record<string, unknown> {
  const view = viewState(channel, snapshot);
  if (JSON.stringify(view).length <= INLINE_MAX_BYTES) return { channel, ...view };
  return { channel, cursor: view.cursor, snapshotUrl: `/c/${channel}/state` };
}
