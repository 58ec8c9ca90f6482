/**
 * Sends by itself, at random: the time to the next is exponentially distributed around the chosen mean, as of people who do not know of each
 * other. Once what was sent before piles up, it waits.
 */

export interface AutoDeps {
  readonly send: () => void;
  readonly pending: () => number;
  readonly random?: () => number;
}

export interface Auto {
  start(meanMs: number): void;
  stop(): void;
}

const PENDING_MAX = 100;
/** Of the mean: one in 150 would be longer. */
const LONGEST = 5;

export function intervalMs(meanMs: number, random: () => number): number {
  return meanMs * Math.min(LONGEST, -Math.log(1 - random()));
}

export function createAuto({ send, pending, random = Math.random }: AutoDeps): Auto {
  let timer: ReturnType<typeof setTimeout> | undefined;

  function next(meanMs: number): void {
    timer = setTimeout(
      () => {
        if (pending() < PENDING_MAX) send();
        next(meanMs);
      },
      intervalMs(meanMs, random),
    );
  }

  const stop = () => clearTimeout(timer);

  return {
    start(meanMs) {
      stop();
      next(meanMs);
    },
    stop,
  };
}
