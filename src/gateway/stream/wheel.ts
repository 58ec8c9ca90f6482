/**
 * A timer wheel: one timer for any number of things that come round again and again.
 *
 * Each thing is put into the slot of the tick at which it is next to be looked at. It fires on that tick or, when the event
 * loop was late or very many are due, soon after; never early.
 */
export interface Wheel<T> {
  /** @param delayMs From now; beyond the last slot it comes round at the last slot. */
  add(thing: T, delayMs: number): void;
  close(): void;
}

/** Looked at before the event loop gets a turn: some 4 ms where each is also written to. All that came in one storm are due at once. */
const SLICE_THINGS = 512;

/** @param visit Called for each thing whose tick has come; must not throw. To be visited again it has to be added again. */
export function createWheel<T>(tickMs: number, slots: number, visit: (thing: T) => void): Wheel<T> {
  const wheel: T[][] = Array.from({ length: slots }, () => []);
  let now = 0;
  let slices: NodeJS.Immediate | undefined;
  let due: T[] = [];
  let looked = 0;

  function slice(): void {
    slices = undefined;
    for (const end = Math.min(due.length, looked + SLICE_THINGS); looked < end; looked++) visit(due[looked]!);
    if (looked < due.length) slices = setImmediate(slice);
  }

  const timer = setInterval(() => {
    now = (now + 1) % slots;
    // What is left of the tick before goes first.
    due = looked < due.length ? [...due.slice(looked), ...wheel[now]!] : wheel[now]!;
    looked = 0;
    wheel[now] = [];
    if (slices === undefined) slice();
  }, tickMs);

  return {
    add(thing, delayMs) {
      const ticks = Math.min(slots - 1, Math.max(1, Math.ceil(delayMs / tickMs) + 1));
      wheel[(now + ticks) % slots]!.push(thing);
    },
    close() {
      clearInterval(timer);
      clearImmediate(slices);
    },
  };
}
