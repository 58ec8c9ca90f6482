/**
 * How much garbage a process may hold before it is collected.
 *
 * V8's own rule lets the old generation grow to four times what is alive: of 80,000 channels whose Redis came back 855 MB were
 * resident, 270 of them alive; by this rule 354. Where little is alive, collecting often would cost more than it saves, and it is as V8
 * would have it.
 */
import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';

/** The old generation may grow by so much in any case. */
const SPARE_BYTES = 48 << 20;
const GROWING_MIN_PERCENT = 20;
/** V8 goes by what it sees, up to four times where much is made and little where nothing is. */
const AS_V8_WOULD = 0;
const FLAG = '--heap-growing-percent';

/** By how much of what is alive it may grow before it is collected; 0 for what V8 would have. @param heldBytes With what may be garbage. */
export function growingPercent(heldBytes: number): number {
  if (heldBytes < SPARE_BYTES) return AS_V8_WOULD;
  return Math.max(GROWING_MIN_PERCENT, Math.round((100 * SPARE_BYTES) / heldBytes));
}

/**
 * Looks after each collection, also of the young alone: V8 asks at the end of a full one, and what was right after the one before
 * may be far too much now. Whoever starts Node with a rule of their own keeps it.
 */
export function keepHeapSmall(args: readonly string[] = process.execArgv, set = setFlagsFromString): void {
  if (args.some((arg) => arg.replaceAll('_', '-').startsWith(FLAG))) return;
  let told = AS_V8_WOULD;
  const observer = new PerformanceObserver(() => {
    const percent = growingPercent(getHeapStatistics().used_heap_size);
    if (percent === told) return;
    told = percent;
    set(`${FLAG}=${percent}`);
  });
  observer.observe({ entryTypes: ['gc'] });
}
