/**
 * Rest: how much of a turn of the event loop is work that may be done later, and what is left to all others behind a long one.
 *
 * Whoever has just connected needs some turns to be answered, and of those who wait to be accepted each turn takes one
 * (libuv). So while connections come turns are short: as long as one came in this turn or the one before, however long that was. A large change cannot be cut, though: 256 KiB that are all escaped
 * take 10 to 25 ms, and a pass may have several. So between two such turns there are many short ones.
 */
import { type Clock, systemClock } from '../clock.ts';
import { onceATurn } from '../http/once-a-turn.ts';

/** Milliseconds: what is shorter, such as a portion of writes on a slow machine, is not long. */
const LONG_TURN_MS = 40;
/** Milliseconds: of the 50 that nobody may be kept waiting for, as machines differ by a factor of five. */
const SLICE_MS = 5;
/** One piece, or two: as long as it takes to accept one and to begin what it asks for. */
const SLICE_WHILE_CONNECTING_MS = 0.1;
/** Turns in which none has come: then none waits to be accepted. */
const CONNECTING_TURNS = 2;

export interface Rest {
  /** So much of a turn is for work in pieces, milliseconds; the last that is begun in it may take its own time. */
  readonly sliceMs: number;
  /** For how long nothing that may be long is to begin, milliseconds; 0: it may. */
  readonly leftMs: number;
  /** A turn that may become long begins. */
  begin(): void;
  /** It has ended. */
  end(): void;
  /** A connection came. */
  connected(): void;
}

/** @param clock That of the work itself, whatever time its data have. */
export function createRest(clock: Clock = systemClock): Rest {
  let beganMs = 0;
  let untilMs = 0;
  let connectingTurns = 0;
  const endTurn = onceATurn(() => {
    if (--connectingTurns > 0) endTurn();
  });
  return {
    get sliceMs() {
      return connectingTurns > 0 ? SLICE_WHILE_CONNECTING_MS : SLICE_MS;
    },
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
    connected() {
      connectingTurns = CONNECTING_TURNS;
      endTurn();
    },
  };
}
