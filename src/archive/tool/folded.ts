/** Whether a state is what its reducer makes of the events of its log: state is the fold of these, and of nothing else. */
import { type Event, isErased } from '../../domain/event.ts';
import type { FieldChange, State, StateField } from '../../domain/state.ts';
import type { InspectedLog, InspectedState } from '../inspection.ts';

/** As much of a reducer as a state is made with (`merger/reducers/reducer.ts`). */
export type Apply = (state: State, event: Event) => FieldChange[];

/** Of a reducer, by its name; undefined for one that is not known here. */
export type ApplyOf = (reducer: string) => Apply | undefined;

export class Folded {
  readonly #state: InspectedState;
  readonly #apply: Apply;
  readonly #fields = new Map<string, StateField>();

  constructor(state: InspectedState, apply: Apply) {
    this.#state = state;
    this.#apply = apply;
  }

  /** In the order of their offsets. What was erased changes nothing. */
  take(event: Event): void {
    if (isErased(event)) return;
    for (const { field, bytes } of this.#apply(this.#fields, event)) {
      this.#fields.set(field, { offset: event.offset, bytes });
    }
  }

  /** A sentence for each field that is another. */
  faults(): string[] {
    const { fields: kept, reducer } = this.#state;
    const names = new Set([...kept.keys(), ...this.#fields.keys()]);
    return Array.from(names)
      .filter((name) => !isSame(kept.get(name), this.#fields.get(name)))
      .map((name) => `the field ${JSON.stringify(name)} is not what ${reducer} makes of the events`);
  }
}

/** Not by offset: what is erased counts less as of the event that tells of it. */
function isSame(a: StateField | undefined, b: StateField | undefined): boolean {
  const [one, other] = [a?.bytes ?? null, b?.bytes ?? null];
  return one === null || other === null ? one === other : Buffer.compare(one, other) === 0;
}

/** Null where it cannot be told: the oldest events are not there any more, the state was begun anew, or its reducer is not known here. */
export function foldOf(log: InspectedLog, state: InspectedState, applyOf: ApplyOf): Folded | null {
  const apply = applyOf(state.reducer);
  return apply === undefined || log.oldest > log.base + 1 || state.isBegunAnew ? null : new Folded(state, apply);
}
