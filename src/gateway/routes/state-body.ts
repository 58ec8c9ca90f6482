/**
 * A state as the JSON of `/state`: fields that are clean text under `state`, all others in base64 under `b64` (P24). Made in
 * slices, with turns of the event loop in between.
 */
import type { Channel } from '../../domain/channel.ts';
import { cursorOf } from '../../domain/cursor.ts';
import type { Snapshot } from '../../engine/engine.ts';
import { base64Of, cleanText } from '../formats/text.ts';
import type { Turns } from '../turns.ts';
import { joinedIfSmall, type Slices } from './slices.ts';

/** What one turn makes: a millisecond of work, and a single large field more. */
const SLICE_FIELDS = 1000;
const SLICE_BYTES = 64 << 10;

/** The fields of one object. */
class Fields {
  readonly #slices: Buffer[] = [];
  #text = '';
  #isEmpty = true;

  /** Characters that wait for the end of the slice. */
  get length(): number {
    return this.#text.length;
  }

  add(field: string, json: string): void {
    this.#text += `${this.#isEmpty ? '' : ','}${JSON.stringify(field)}:${json}`;
    this.#isEmpty = false;
  }

  cut(): Buffer[] {
    if (this.#text !== '') this.#slices.push(Buffer.from(this.#text));
    this.#text = '';
    return this.#slices;
  }
}

/** @param after Only fields changed by events after this offset, a deleted one as null; all that are there when it is left out. */
export async function stateBody(channel: Channel, snapshot: Snapshot, turns: Turns, after?: number): Promise<Slices> {
  const state = new Fields();
  const b64 = new Fields();
  let fields = 0;
  for (const [field, { offset, bytes }] of snapshot.state) {
    if (after === undefined ? bytes !== null : offset > after) addField(field, bytes, state, b64);
    if (++fields % SLICE_FIELDS !== 0 && state.length + b64.length < SLICE_BYTES) continue;
    state.cut();
    b64.cut();
    await turns.next();
  }
  const head = { cursor: cursorOf(channel, snapshot), complete: after === undefined };
  return joinedIfSmall([
    Buffer.from(`${JSON.stringify(head).slice(0, -1)},"state":{`),
    ...state.cut(),
    Buffer.from('},"b64":{'),
    ...b64.cut(),
    Buffer.from('}}'),
  ]);
}

function addField(field: string, bytes: Uint8Array | null, state: Fields, b64: Fields): void {
  const text = bytes === null ? null : cleanText(bytes);
  if (text === undefined) b64.add(field, `"${base64Of(bytes!)}"`);
  else state.add(field, JSON.stringify(text));
}
