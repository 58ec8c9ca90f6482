/** What a stream or a poll is told of a state: all of it where it is small, else where to get it (P23). */
import type { Channel } from '../../domain/channel.ts';
import { cursorOf } from '../../domain/cursor.ts';
import type { Snapshot } from '../../engine/engine.ts';
import { base64Of, cleanText } from '../formats/text.ts';

/** Above this a snapshot is not worth a frame: the client is told where to get it. */
const INLINE_MAX_BYTES = 16 * 1024;
/** Quotes, a colon and a comma: what a field has in JSON beside its name and value. */
const FIELD_JSON_BYTES = 6;

type SnapshotData = Readonly<Record<string, unknown>>;

/** One for each snapshot, however many are told. */
const known = new WeakMap<Snapshot, SnapshotData>();

/** The data of a `$snapshot` frame, and of a poll's `snapshots`. */
export function snapshotData(channel: Channel, snapshot: Snapshot): SnapshotData {
  const data = known.get(snapshot) ?? describe(channel, snapshot);
  known.set(snapshot, data);
  return data;
}

function describe(channel: Channel, snapshot: Snapshot): SnapshotData {
  const cursor = cursorOf(channel, snapshot);
  if (!isLarge(snapshot)) {
    const view = { cursor, ...viewOf(snapshot) };
    if (JSON.stringify(view).length <= INLINE_MAX_BYTES) return { channel, ...view };
  }
  return { channel, cursor, snapshotUrl: `/c/${channel}/state` };
}

/** Whether its JSON cannot be within the limit, found without making it. */
function isLarge({ state }: Snapshot): boolean {
  let least = 0;
  for (const [field, { bytes }] of state) {
    if (bytes !== null) least += field.length + bytes.length + FIELD_JSON_BYTES;
    // A character may be three bytes.
    if (least > 3 * INLINE_MAX_BYTES) return true;
  }
  return false;
}

/** Fields that are clean text under `state`, all others in base64 under `b64` (P24). */
function viewOf(snapshot: Snapshot): { state: Record<string, string>; b64: Record<string, string> } {
  const state: [string, string][] = [];
  const b64: [string, string][] = [];
  for (const [field, { bytes }] of snapshot.state) {
    if (bytes === null) continue;
    const text = cleanText(bytes);
    if (text === undefined) b64.push([field, base64Of(bytes)]);
    else state.push([field, text]);
  }
  // fromEntries, unlike assignment, makes an own property even of `__proto__`.
  return { state: Object.fromEntries(state), b64: Object.fromEntries(b64) };
}
