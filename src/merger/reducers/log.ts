/** `log`: every change becomes an event; there is no state. For chats, cursors, feeds. */
import type { Reducer } from './reducer.ts';

export const logReducer: Reducer = {
  name: 'log',
  reduce: (_state, change) => ({ kind: 'event', bytes: change.bytes }),
  apply: () => [],
  fields: { kind: 'none' },
};
