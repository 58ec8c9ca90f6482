/**
 * Rest: after a long turn of the event loop as much time is left to all others.
 *
 * A large change cannot be cut: 256 KiB that are all escaped take 10 to 25 ms, and a pass may have several. Whoever has
 * just connected needs some turns to be answered, and of those who wait to be accepted each turn takes one (libuv). So
 * between two such turns there are many short ones.
 */
import { type Clock, systemClock } from '../clock.ts';

/** Milliseconds: what is shorter, such as a portion of writes on a slow machine, is not long. */
const LONG_TURN_MS = 40;

export interface Rest {
  /** For how long nothing that may be long is to begin, milliseconds; 0: it may. */
  readonly leftMs: number;
  /** A turn that may become long begins. */
  begin(): void;
  /** It has ended. */
  end(): void;
}

/** @param clock That of the work itself, whatever time its data have. */
export function createRest(clock: Clock = systemClock): Rest {
  let beganMs = 0;
  let untilMs = 0;
  return {
    get leftMs() {
      return Math.max(0, untilMs - clock.elapsedMs());
    },
    begin() {
      beganMs = clock.elapsedMs();
    },
    end() {
      const nowMs = clock.elapsedMs();
      const tookMs = nowMs - beganMs;
      if (tookMs > LONG_TURN_MS) untilMs = nowMs + tookMs;
    },
  };
}
