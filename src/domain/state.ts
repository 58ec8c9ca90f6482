/**
 * State: the folded value of a channel, a flat map from field to bytes.
 *
 * Each field remembers the offset of the event that last changed it, so that a reader with a cursor can be given only
 * what changed since. A deleted field therefore leaves a tombstone (`bytes: null`) instead of going.
 */

export interface StateField {
  /** Offset of the event that last changed the field. */
  readonly offset: number;
  /** The value, or null when the field was deleted. */
  readonly bytes: Uint8Array | null;
}

export type State = ReadonlyMap<string, StateField>;

/** What applying an event did to one field. */
export interface FieldChange {
  readonly field: string;
  readonly bytes: Uint8Array | null;
}

/** What a field adds to `STATE_MAX_BYTES`: its name and its value. */
export function fieldBytes(field: string, bytes: Uint8Array | null): number {
  return field.length + (bytes?.length ?? 0);
}
