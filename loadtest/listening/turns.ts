/** Whose turn it is to connect: at first row by row at a pace, and again whoever has been away for long enough. */
import { nowMs } from '../measures/clock.ts';
import { Due } from '../measures/due.ts';

export class Turns {
  readonly #rows: number;
  readonly #perS: number;
  readonly #later: Due<number>;
  #ready: number[] = [];
  /** The first tries go row by row, so there is no list of them. */
  #nextRow = 0;
  #startedMs = Number.POSITIVE_INFINITY;

  constructor(rows: number, perS: number, tickMs: number) {
    this.#rows = rows;
    this.#perS = perS;
    this.#later = new Due(tickMs, nowMs());
  }

  start(): void {
    this.#startedMs = nowMs();
  }

  again(row: number, atMs: number): void {
    this.#later.add(row, atMs);
  }

  tick(now: number): void {
    this.#ready.push(...this.#later.take(now));
  }

  /** @returns A row; undefined when it is nobody's turn. Whoever comes back is not held up by the pace of the first tries. */
  take(now: number): number | undefined {
    const row = this.#ready.pop();
    if (row !== undefined) return row;
    const allowed = ((now - this.#startedMs) / 1000) * this.#perS + 1;
    return this.#nextRow < Math.min(this.#rows, allowed) ? this.#nextRow++ : undefined;
  }
}
