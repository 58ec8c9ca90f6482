/**
 * Turns: how much of the event loop's time goes at once to what can be long, such as thousands of streams that start over.
 *
 * Whoever does a piece of such work enters before it, and waits for a later turn of the loop where this one has had its
 * part. In the order in which they came; POSTs are answered in between.
 */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../clock.ts';
import { createRest, type Rest } from './rest.ts';

export interface Turns {
  /** What a piece that takes long leaves to others: for all who work in pieces. */
  readonly rest: Rest;
  /** Undefined: go on at once. Else one is to wait for it first. Nothing may be held true across that wait. */
  enter(): Promise<void> | undefined;
  /** Resolves in a later turn, when it is one's turn. */
  next(): Promise<void>;
}

/** At once, or in a later turn of the event loop where thousands are to do something in the same moment. */
export async function inTurn(turns: Turns, act: () => void): Promise<void> {
  const turn = turns.enter();
  if (turn) await turn;
  act();
}

export function createTurns(clock: Clock, rest: Rest = createRest()): Turns {
  let waiting: (() => void)[] = [];
  let isUnderWay = false;
  let beganMs = 0;
  let { sliceMs } = rest;

  const isOver = () => clock.elapsedMs() - beganMs >= sliceMs;

  function beginTurn(): void {
    beganMs = clock.elapsedMs();
    sliceMs = rest.sliceMs;
    rest.begin();
  }

  /** Each that waited does its piece before the next is let in: a continuation of a promise runs before the loop goes on. */
  async function run(): Promise<void> {
    for (;;) {
      await nextTurn();
      rest.end();
      if (rest.leftMs > 0) await sleep(rest.leftMs);
      beginTurn();
      const due = waiting;
      if (due.length === 0) break;
      waiting = [];
      let next = 0;
      while (next < due.length && !isOver()) {
        due[next++]!();
        await undefined;
      }
      if (next < due.length) waiting = [...due.slice(next), ...waiting];
    }
    isUnderWay = false;
  }

  function begin(): void {
    if (isUnderWay) return;
    isUnderWay = true;
    beginTurn();
    void run();
  }

  function next(): Promise<void> {
    begin();
    return new Promise((resolve) => {
      waiting.push(resolve);
    });
  }

  return {
    rest,
    enter() {
      begin();
      return waiting.length === 0 && !isOver() && rest.leftMs === 0 ? undefined : next();
    },
    next,
  };
}
