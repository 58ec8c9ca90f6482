/** The schedule of a run: which fault begins when and lasts how long. It follows from the seed alone. */
import { createRandom } from '../support/random.ts';
import type { Fault } from './faults/fault.ts';

export interface Planned {
  readonly fault: Fault;
  /** From the beginning of the faults, milliseconds. */
  readonly atMs: number;
  readonly lastsMs: number;
  /** For the choices the fault makes itself. */
  readonly seed: number;
}

/** Faults that go on at once, at most. */
const LANES = 2;
const PAUSE_MAX_MS = 1_200;

export function planFaults(seed: number, faults: readonly Fault[], lastsMs: number, isLong = false): Planned[] {
  if (faults.length === 0) return [];
  const random = createRandom(seed);
  const planned: Planned[] = [];
  for (let lane = 0; lane < LANES; lane++) {
    let atMs = random.int(PAUSE_MAX_MS);
    while (atMs < lastsMs) {
      const fault = random.pick(faults);
      const [from, to] = fault.lastsMs;
      const upTo = isLong && random.chance(0.3) ? (fault.longMs ?? to) : to;
      const faultMs = Math.min(from + random.int(upTo - from), Math.max(0, lastsMs - atMs));
      const isTaken = planned.some(
        (other) => other.fault.hits === fault.hits && other.atMs < atMs + faultMs && atMs < other.atMs + other.lastsMs,
      );
      if (!isTaken) planned.push({ fault, atMs, lastsMs: faultMs, seed: random.int(2 ** 31) });
      atMs += (isTaken ? 0 : faultMs) + 50 + random.int(PAUSE_MAX_MS);
    }
  }
  return planned.sort((a, b) => a.atMs - b.atMs);
}

export function describePlan(planned: readonly Planned[]): string {
  return planned
    .map(({ fault, atMs, lastsMs }) => `  ${(atMs / 1000).toFixed(1).padStart(6)} s  ${fault.name}, ${lastsMs} ms`)
    .join('\n');
}
