/**
 * What a merger knows of one channel. Of hundreds of thousands most have no state, and nobody who numbers his changes: they share
 * one empty map in the place of two of their own, 250 bytes each.
 */
import type { Channel } from '../domain/channel.ts';
import type { State, StateField } from '../domain/state.ts';
import type { Remembered } from './memory.ts';
import type { Reducer } from './reducers/reducer.ts';

/** Which reducer goes on with a channel that was loaded, and whether from nothing. */
export interface Course {
  /** The one that made its state, where `REDUCERS` names another: it is kept while mergers differ. */
  readonly kept: Reducer | null;
  /** What is to be its `fold` from its next event on, since its state is begun anew; else null. */
  readonly refold: number | null;
}

export const NOTHING: ReadonlyMap<string, never> = new Map<string, never>();

export class KnownChannel implements Remembered {
  /** Null while the channel does not exist. */
  head: number | null;
  stateBytes: number;
  readonly kept: Reducer | null;
  /** What shifts its epoch, 0 for nothing. */
  fold: number;
  refold: number | null;
  weight = 0;
  isInUse = false;
  previous: Remembered['previous'] = undefined;
  next: Remembered['next'] = undefined;
  readonly #channel: Channel;
  readonly #home: Map<Channel, KnownChannel>;
  #state: Map<string, StateField> | null;
  #seqs: Map<string, number> | null = null;

  /** @param home Where it stands by its name, until it is given up. @param state From now on it is this one's. */
  constructor(
    home: Map<Channel, KnownChannel>,
    channel: Channel,
    { head, fold = 0 }: { readonly head: number | null; readonly fold?: number },
    state: Map<string, StateField>,
    stateBytes: number,
    { kept, refold }: Course,
  ) {
    this.#home = home;
    this.#channel = channel;
    this.head = head;
    this.fold = fold;
    this.#state = state.size === 0 ? null : state;
    this.stateBytes = stateBytes;
    this.kept = kept;
    this.refold = refold;
    home.set(channel, this);
  }

  get state(): State {
    return this.#state ?? NOTHING;
  }

  setField(name: string, field: StateField): void {
    this.#state ??= new Map();
    this.#state.set(name, field);
  }

  /** The last merged of each publisher that is known. */
  get seqs(): ReadonlyMap<string, number> {
    return this.#seqs ?? NOTHING;
  }

  setSeq(from: string, seq: number): void {
    this.#seqs ??= new Map();
    this.#seqs.set(from, seq);
  }

  dropSeq(from: string): void {
    this.#seqs?.delete(from);
  }

  forget(): void {
    this.#home.delete(this.#channel);
  }
}
