/**
 * Moments that a reader names: how far back, or a date.
 *
 * Of how far back what counts is when an event was merged, by the clock of its shard, which no wall clock moves: whatever was
 * accepted in that time was merged in it. Only an event of a version that did not note that is judged by when its bucket says that it
 * was accepted. A date is compared with that, which is what readers are told (`at`).
 */
import type { Event } from '../../domain/event.ts';

export type Window =
  /** As far as there is anything. */
  | { readonly kind: 'all' }
  | { readonly kind: 'ago'; readonly ms: number }
  /** Milliseconds since 1970. */
  | { readonly kind: 'date'; readonly ms: number };

export interface Moment {
  /** By the clock of the shard; null for a date. */
  readonly clockMs: number | null;
  /** By the wall clocks of buckets. */
  readonly wallMs: number;
}

const unitMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** RFC 3339, section 5.6. Where a `+` of the query was not encoded it came as a space. */
const DATE = /^(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?)(?:([Zz])|([+ -])(\d{2}:\d{2}))$/;

/** `earliest`, a duration such as `10m`, or a date such as `2026-11-29T10:00:00Z`. Undefined for anything else. */
export function parseWindow(text: string): Window | undefined {
  if (text === 'earliest') return { kind: 'all' };
  const [, count, unit] = /^([0-9]{1,9})([smhd])$/.exec(text) ?? [];
  if (count !== undefined) return { kind: 'ago', ms: Number(count) * unitMs[unit!]! };
  const [, day, time, , sign, offset] = DATE.exec(text) ?? [];
  if (day === undefined) return undefined;
  const ms = Date.parse(`${day}T${time}${offset === undefined ? 'Z' : `${sign === '-' ? '-' : '+'}${offset}`}`);
  return Number.isNaN(ms) ? undefined : { kind: 'date', ms };
}

/** @param now By both clocks. */
export function momentOf(
  window: Exclude<Window, { kind: 'all' }>,
  now: { readonly clockMs: number; readonly wallMs: number },
): Moment {
  if (window.kind === 'date') return { clockMs: null, wallMs: window.ms };
  return { clockMs: now.clockMs - window.ms, wallMs: now.wallMs - window.ms };
}

export function earlier({ clockMs, wallMs }: Moment, byMs: number): Moment {
  return { clockMs: clockMs === null ? null : clockMs - byMs, wallMs: wallMs - byMs };
}

export const isSince =
  ({ clockMs, wallMs }: Moment) =>
  ({ atMs, mergedAfterMs }: Event): boolean =>
    mergedAfterMs === undefined || clockMs === null ? atMs >= wallMs : atMs + mergedAfterMs >= clockMs;
