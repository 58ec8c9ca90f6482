/** Streams that came back, until they have what they missed: how late that is says nothing but how fast they catch up. */
import { Histogram } from '../measures/histogram.ts';
import type { Offences } from './offences.ts';

export class CatchUps {
  /** From when a stream began to come back to each event it had missed. */
  readonly latency = new Histogram();
  readonly #offences: Offences;
  readonly #lateMs: number;
  /** The last offset that a stream had missed when it came back. */
  readonly #until: Float64Array;
  /** When a stream began to come back; only of those that have had no event of their own time since. */
  readonly #sinceMs = new Map<number, number>();

  constructor(rows: number, lateMs: number, offences: Offences) {
    this.#until = new Float64Array(rows);
    this.#lateMs = lateMs;
    this.#offences = offences;
  }

  begin(row: number, until: number, sinceMs: number): void {
    this.#until[row] = until;
    this.#sinceMs.set(row, sinceMs);
  }

  /** Whether events may come again that a stream has had (P15). */
  isUnderWay(row: number): boolean {
    return this.#sinceMs.has(row);
  }

  /** @returns Whether the event is one of those that were missed; its latency has been noted then. */
  took(row: number, offset: number, atMs: number): boolean {
    if (this.#sinceMs.size === 0) return false;
    const sinceMs = this.#sinceMs.get(row);
    if (sinceMs === undefined) return false;
    const until = this.#until[row]!;
    if (offset >= until) this.#sinceMs.delete(row);
    if (offset > until) return false;
    const latencyMs = atMs - sinceMs;
    this.latency.recordMs(latencyMs);
    if (latencyMs > this.#lateMs) {
      this.#offences.ofStream('late', row, offset, `${Math.round(latencyMs)} ms after its stream began to come back`);
    }
    return true;
  }
}
