/**
 * Whether a worker's event loop still turns: its supervisor asks over the pipe between them, and who does not answer for
 * long stands still, stopped from outside or in a loop without an end. It holds connections and shards that others could serve.
 *
 * Counted in questions, not by the clock: when the supervisor itself or the whole machine stood still, that is one of them.
 */
import type { Worker } from 'node:cluster';

const PING = 'ping';
const PONG = 'pong';

const PING_EVERY_MS = 2_000;
/** Three times the longest that a loop of ours was ever seen to be busy, on a machine that did ten other things. */
const SILENCE_MAX_MS = 15_000;
/** Until it says anything at all: Node starts and reads the program, on a disk and a machine that are busy with all the others. */
const START_SILENCE_MAX_MS = 60_000;

/** To be called in the worker, before anything that may take long. */
export function answerPings(): void {
  process.on('message', (message) => {
    // Fails only when the supervisor has gone, which is told otherwise.
    if (message === PING) process.send!(PONG, () => undefined);
  });
}

/** @param stands Called once, when it has not answered for so long. */
export function watchPulse(worker: Worker, stands: (silentMs: number) => void): void {
  let silenceMaxMs = START_SILENCE_MAX_MS;
  let unansweredMs = 0;
  let isAsked = false;
  const timer = setInterval(() => {
    if (isAsked) unansweredMs += PING_EVERY_MS;
    else if (worker.isConnected()) worker.send(PING, () => undefined);
    isAsked = true;
    if (unansweredMs < silenceMaxMs) return;
    clearInterval(timer);
    stands(unansweredMs);
  }, PING_EVERY_MS);
  // Whatever it says: that it serves comes from its loop as well.
  worker.on('message', () => {
    silenceMaxMs = SILENCE_MAX_MS;
    unansweredMs = 0;
    isAsked = false;
  });
  worker.once('exit', () => clearInterval(timer));
}
