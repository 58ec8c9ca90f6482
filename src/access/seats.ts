/** Seats: how many streams and waiting polls each has who asks for them, and each address that they come from. */
import type { Problem } from '../errors.ts';
import { Counts, NONE } from './counts.ts';
import { KeyHash } from './key-hash.ts';
import type { Seat, Seats } from './limits.ts';

export interface SeatsDeps {
  /** 0: any. */
  readonly perSub: number;
  readonly perAddress: number;
  /** Of all of them together. */
  readonly most: number;
  readonly reached: (limit: 'streams_per_sub' | 'streams_per_address') => Problem;
}

const uncounted: Seat = { ofSub: NONE, ofAddress: NONE };

export function createSeats({ perSub, perAddress, most, reached }: SeatsDeps): Seats {
  const hash = new KeyHash();
  const subs = new Counts(perSub === 0 ? 0 : most);
  const addresses = new Counts(perAddress === 0 ? 0 : most);

  function add(counts: Counts, key: string, max: number): number {
    hash.of(0, key);
    return counts.add(hash, max);
  }

  return {
    take(sub, address) {
      const isSubCounted = perSub > 0 && sub !== null;
      const isAddressCounted = perAddress > 0 && address !== '';
      if (!isSubCounted && !isAddressCounted) return uncounted;
      const ofSub = isSubCounted ? add(subs, sub, perSub) : NONE;
      if (isSubCounted && ofSub === NONE) return reached('streams_per_sub');
      const ofAddress = isAddressCounted ? add(addresses, address, perAddress) : NONE;
      if (isAddressCounted && ofAddress === NONE) {
        if (ofSub !== NONE) subs.remove(ofSub);
        return reached('streams_per_address');
      }
      return { ofSub, ofAddress };
    },
    giveBack({ ofSub, ofAddress }) {
      if (ofSub !== NONE) subs.remove(ofSub);
      if (ofAddress !== NONE) addresses.remove(ofAddress);
    },
  };
}
