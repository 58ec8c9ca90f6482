/**
 * A timer wheel: one timer for any number of things that come round again and again.
 *
 * Each thing is put into the slot of the tick at which it is next to be looked at. It fires on that tick or, when the event
 * loop was late, on the first one after; never early.
 */
export interface Wheel<T> {
  /** @param delayMs From now; beyond the last slot it comes round at the last slot. */
  add(thing: T, delayMs: number): void;
  close(): void;
}

/** @param visit Called for each thing whose tick has come. To be visited again it has to be added again. */
export function createWheel<T>(tickMs: number, slots: number, visit: (thing: T) => void): Wheel<T> {
  const wheel: T[][] = Array.from({ length: slots }, () => []);
  let now = 0;
  const timer = setInterval(() => {
    now = (now + 1) % slots;
    const due = wheel[now]!;
    wheel[now] = [];
    for (const thing of due) visit(thing);
  }, tickMs);
  return {
    add(thing, delayMs) {
      const ticks = Math.min(slots - 1, Math.max(1, Math.ceil(delayMs / tickMs) + 1));
      wheel[(now + ticks) % slots]!.push(thing);
    },
    close: () => clearInterval(timer),
  };
}
