/** `tally`: every change becomes an event; the state counts each value. For votes, reactions, button presses. */
import { isUtf8 } from 'node:buffer';
import type { Reducer } from './reducer.ts';

export const tallyReducer: Reducer = {
  name: 'tally',
  reduce: (_state, change) => ({ kind: 'event', bytes: change.bytes }),
  apply(state, event) {
    const field = fieldOf(event.bytes);
    const counted = state.get(field)?.bytes;
    const count = counted ? Number(Buffer.from(counted).toString()) : 0;
    return [{ field, bytes: Buffer.from(String(count + 1)) }];
  },
  fields: { kind: 'counts', fieldOf },
};

/** Field names are text: a value that is none, or that begins like an encoded one, is `~` and its base64. */
function fieldOf(bytes: Uint8Array): string {
  const value = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return isUtf8(value) && value[0] !== 0x7e ? value.toString() : `~${value.toString('base64')}`;
}
