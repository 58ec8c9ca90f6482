/** What was measured since the page was opened: bytes in both directions, and the round trips of the last changes. */

/** Of the spark line and the percentiles. */
const TRIPS_MAX = 60;

export interface Measures {
  up: number;
  down: number;
  readonly trips: readonly number[];
  addTrip(ms: number): void;
}

export function createMeasures(): Measures {
  const trips: number[] = [];
  return {
    up: 0,
    down: 0,
    trips,
    addTrip(ms) {
      trips.push(ms);
      if (trips.length > TRIPS_MAX) trips.shift();
    },
  };
}

/** The smallest of which at least this part is not above it. */
export function percentile(all: readonly number[], part: number): number | undefined {
  const sorted = [...all].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)];
}

export function bytesText(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  const [size, unit] = bytes < 1_000_000 ? [bytes / 1_000, 'kB'] : [bytes / 1_000_000, 'MB'];
  return `${size.toFixed(size < 10 ? 1 : 0)} ${unit}`;
}

export function millisecondsText(ms: number | undefined): string {
  if (ms === undefined) return '–';
  return ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
}
