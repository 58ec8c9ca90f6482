/** For those who cannot be told to wait: what is told while something is asked for is told after it, in its order. */
import type { Sink, Told } from './transport.ts';

export function inTurn(sink: Sink): (told: Told) => void {
  let before: Promise<void> = Promise.resolve();
  return (told) => {
    before = before.then(() => sink.tell(told)).catch(() => sink.ended({ reason: 'cut' }));
  };
}
