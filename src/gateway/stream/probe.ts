/**
 * Probes: two frames of which a client knows how far apart they were sent. Who gets them together has something on the way that
 * holds a stream's frames back, and is better served by a poll (P31).
 */
import type { Stream } from './stream.ts';

/** Far more than a network is uneven, and less than anybody minds to wait. */
const APART_MS = 300;

export function probe(stream: Stream, elapsedMs: () => number): void {
  tell(1, 0);
  setTimeout(() => tell(2, APART_MS), APART_MS).unref();

  function tell(n: number, ms: number): void {
    if (stream.isClosed || stream.transport.isFull) return;
    stream.write(stream.audience.format.control({ event: '$probe', data: { n, ms } }), elapsedMs());
  }
}
