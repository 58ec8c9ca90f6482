/**
 * Commands of one turn of the event loop leave in one write: a merger's rounds for many shards often fall together, and a
 * write that wakes Redis costs more than a command.
 */
import type { Redis } from 'ioredis';

/** To be called before a command is sent. It is written when the turn ends, with all that were sent after it. */
export function gatherTurn({ stream }: Redis): void {
  if (stream === undefined || stream.writableCorked > 0) return;
  stream.cork();
  setImmediate(() => stream.uncork());
}
