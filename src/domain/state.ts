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

/** Whose the fields of a state are, for when all is erased that somebody sent (docs/adr/0031). */
export type FieldOwners =
  | { readonly kind: 'none' }
  /** One is each publisher's name's, and called so. */
  | { readonly kind: 'name' }
  /** They count what was sent, in decimal digits; one counts this. */
  | { readonly kind: 'counts'; fieldOf(bytes: Uint8Array): string };

/** What a field costs beside its name and value wherever it is kept, bytes: entries of a hash and of a map, about. */
const FIELD_OVERHEAD_BYTES = 100;

/** What a field adds to `STATE_MAX_BYTES`: its name in UTF-8, its value, and what keeping it costs. */
export function fieldBytes(field: string, bytes: Uint8Array | null): number {
  return utf8Length(field) + (bytes?.length ?? 0) + FIELD_OVERHEAD_BYTES;
}

/** Half of a surrogate pair counts two: four together. (One that is alone is written with three.) */
function utf8Length(text: string): number {
  let length = text.length;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0x7f) length += code > 0x7ff && (code & 0xf800) !== 0xd800 ? 2 : 1;
  }
  return length;
}
