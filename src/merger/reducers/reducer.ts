/**
 * What a reducer is: the application's own logic in the merge, and the only part of it that an operator replaces.
 *
 * Both functions are pure and synchronous: the same state and change give the same answer, on whichever process, and a
 * batch that was computed twice because its commit was lost comes out the same.
 */
import type { Change } from '../../domain/change.ts';
import type { EventBody } from '../../domain/event.ts';
import type { FieldChange, FieldOwners, State } from '../../domain/state.ts';

export interface Reducer {
  /** Written beside the channel: another reducer for it is a new epoch, because its state is another fold. */
  readonly name: string;
  /** What becomes of a change. */
  reduce(state: State, change: Change): Verdict;
  /** How an event changes the state: state is the fold of this over all events, and of nothing else. */
  apply(state: State, event: EventBody): FieldChange[];
  /** An event that was erased changes nothing: with it goes what it made of these. */
  readonly fields: FieldOwners;
}

export type Verdict =
  /** It becomes an event that carries these bytes. */
  | { readonly kind: 'event'; readonly bytes: Uint8Array }
  /** Taken note of, nothing to tell. */
  | { readonly kind: 'absorbed' }
  /** Not allowed by the application. */
  | { readonly kind: 'refused' };
