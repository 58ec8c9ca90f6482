/** What the kernel knows of a process: its memory now and at most, and how long its main thread has worked. Linux only. */
import { readFileSync, writeFileSync } from 'node:fs';

const KIB = 1024;
/** 100 ticks a second on every Linux. */
const TICK_MS = 10;
/** Of `clear_refs`: the peak begins anew. */
const RESET_PEAK = '5';

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

/** 0 when it is gone. */
function statusBytes(pid: number, field: 'VmHWM' | 'VmRSS'): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(read(`/proc/${pid}/status`) ?? '')?.[1] ?? 0) * KIB;
}

export const residentBytes = (pid: number) => statusBytes(pid, 'VmRSS');
export const peakBytes = (pid: number) => statusBytes(pid, 'VmHWM');

export function resetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, RESET_PEAK);
}

/**
 * Milliseconds that the main thread has worked. On a machine with more to do than it can, a process does not answer because
 * others have their turn; only what it did itself meanwhile is its own standing still.
 */
export function workedMs(pid: number): number {
  const stat = read(`/proc/${pid}/task/${pid}/stat`);
  if (stat === null) return Number.POSITIVE_INFINITY;
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}
