/**
 * How many attempts a turn of the event loop begins. Each takes a tenth of a millisecond and more; a thousand addresses whose next
 * attempt is due in the same moment would hold up all that is read and answered meanwhile. Of those who wait each address is
 * served in turn.
 */
import { WaitingInTurn } from '../domain/waiting-in-turn.ts';
import type { Address } from './limits.ts';

const BEGUN_PER_TURN = 4;

interface Waiting {
  readonly address: Address;
  proceed(): void;
}

/** @returns Resolves when it is the turn of one of that address. */
export function createTurns(): (address: Address) => Promise<void> {
  const waiting = new WaitingInTurn<Waiting>();
  let begun = 0;

  function nextTurn(): void {
    begun = 0;
    while (begun < BEGUN_PER_TURN && waiting.size > 0) {
      begun++;
      waiting.take()!.proceed();
    }
    if (begun > 0) setImmediate(nextTurn);
  }

  return async (address) => {
    if (begun === 0) setImmediate(nextTurn);
    if (begun < BEGUN_PER_TURN) begun++;
    else await new Promise<void>((resolve) => waiting.add({ address, proceed: resolve }));
  };
}
