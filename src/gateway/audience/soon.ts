/**
 * Soon: what audiences have to do in the next turn of the event loop, one after the other, and in as many turns as it takes.
 *
 * One event may be news for thousands of audiences (streams that read a channel beside one of their own), and many large
 * ones may have a pass under way: each does little at a time, all of them together do not.
 */
import type { Clock } from '../../clock.ts';
import { createRest, type Rest } from '../rest.ts';

export interface Task {
  /** Must not throw. */
  run(): void;
}

export interface Soon {
  add(task: Task): void;
}

export function createSoon(clock: Clock, rest: Rest = createRest()): Soon {
  let due: Task[] = [];
  let next = 0;
  let later: Task[] = [];
  let isTurnDue = false;

  function turn(): void {
    if (due.length === 0) [due, later] = [later, due];
    const beganMs = clock.elapsedMs();
    const { sliceMs } = rest;
    rest.begin();
    do due[next++]!.run();
    while (next < due.length && clock.elapsedMs() - beganMs < sliceMs);
    if (next === due.length) {
      due.length = 0;
      next = 0;
    }
    // Only now: what was added meanwhile waits as long as all the rest.
    isTurnDue = false;
    rest.end();
    if (due.length > 0 || later.length > 0) schedule();
  }

  function schedule(): void {
    if (isTurnDue) return;
    isTurnDue = true;
    const { leftMs } = rest;
    if (leftMs > 0) setTimeout(turn, leftMs);
    else setImmediate(turn);
  }

  return {
    add(task) {
      later.push(task);
      schedule();
    },
  };
}
