/** For those who cannot be told to wait: what is told while something is asked for is told after it, in its order. */
import type { Sink, Told } from './transport.ts';

export function inTurn(sink: Sink): (told: Told) => void {
  let before: Promise<void> | undefined;
  const failed = () => sink.ended({ reason: 'cut' });
  function tell(told: Told): void {
    try {
      const taken = sink.tell(told);
      if (!taken) return;
      const mine = taken.catch(failed).then(() => {
        if (before === mine) before = undefined;
      });
      before = mine;
    } catch {
      failed();
    }
  }
  return (told) => {
    if (!before) return tell(told);
    const mine: Promise<void> = before
      .then(() => sink.tell(told))
      .catch(failed)
      .then(() => {
        if (before === mine) before = undefined;
      });
    before = mine;
  };
}
