/** `latest`: every change becomes an event; the state is the newest one of each publisher. For positions, moods, scores. */
import { nameOf } from '../../domain/change.ts';
import type { Reducer } from './reducer.ts';

export const latestReducer: Reducer = {
  name: 'latest',
  reduce: (_state, change) => ({ kind: 'event', bytes: change.bytes }),
  /** The field is the publisher's name without its nonce, so that a client that starts anew replaces itself. */
  apply: (_state, event) => [{ field: nameOf(event.from), bytes: event.bytes }],
  fields: { kind: 'name' },
};
