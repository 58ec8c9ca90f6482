/**
 * Credentials that are tried: not where too many from the same address were bad a moment ago, and of one address only so many at a time, so
 * that a thousand at once are not all tried before the first of them is known to be bad. The others of that address wait for their turn;
 * and of all addresses together a few begin at a time (`turns.ts`).
 */
import { type ErrorCode, Problem } from '../errors.ts';
import type { Address, Attempts } from './limits.ts';
import { createTurns } from './turns.ts';

/** Of one address: all that are tried may turn out to be bad, beyond what the limit says. Good ones are done in 0.1 to 0.2 ms each. */
const AT_ONCE = 8;

export interface AttemptsDeps {
  /** Whether too many from there were bad. */
  readonly spent: (address: Address) => Problem | undefined;
  /** One from there was bad. */
  readonly failed: (address: Address) => void;
}

interface Row {
  underWay: number;
  /** Each is let in by its call; as many may wait as there are connections. */
  readonly waiting: (() => void)[];
}

export function createAttempts({ spent, failed }: AttemptsDeps): Attempts {
  const rows = new Map<Address, Row>();
  const turnOf = createTurns();

  async function enter(address: Address): Promise<void> {
    const row = rows.get(address);
    if (row === undefined) rows.set(address, { underWay: 1, waiting: [] });
    else if (row.underWay < AT_ONCE) row.underWay++;
    else await new Promise<void>((resolve) => row.waiting.push(resolve));
  }

  function leave(address: Address): void {
    const row = rows.get(address)!;
    const next = row.waiting.shift();
    if (next !== undefined) next();
    else if (--row.underWay === 0) rows.delete(address);
  }

  function refuseSpent(address: Address): void {
    const tooMany = spent(address);
    if (tooMany !== undefined) throw tooMany;
  }

  return {
    async run(address, attempt) {
      if (address === '') return attempt();
      await turnOf(address);
      refuseSpent(address);
      await enter(address);
      try {
        // Those before it may have spent the rest.
        refuseSpent(address);
        return await attempt();
      } catch (error) {
        if (isBad(error)) failed(address);
        throw error;
      } finally {
        leave(address);
      }
    },
  };
}

const wereGood: readonly ErrorCode[] = ['token_expired', 'token_revoked'];

/** What has only expired, or was revoked, was good: a thousand phones that wake up behind one address try no door. */
function isBad(error: unknown): boolean {
  return error instanceof Problem && error.status === 401 && !wereGood.includes(error.code);
}
