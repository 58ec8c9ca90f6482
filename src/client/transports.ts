/**
 * Which transport is next: the first of the app's that is not known to fail here. What a proxy buffers is avoided for ten minutes; what
 * the browser cannot do, for ever. Those that few need are loaded when they are.
 */
import type { TransportName } from './contract.ts';
import { createFetchTransport } from './fetch-transport.ts';
import type { Transport, TransportDeps } from './transport.ts';

export interface Transports {
  pick(hasToken: boolean): Promise<Transport>;
  /** Whether there is one that needs no streaming. */
  hasOther(): boolean;
  avoid(why: 'buffered' | 'no-streaming'): void;
  /** The network was the reason, not a proxy. */
  forgive(): void;
  /** When one that is avoided now may do again, milliseconds from now. */
  againInMs(): number | undefined;
}

/** A phone is in another network by then; and a proxy that buffers costs it four seconds each time. */
const AVOID_MS = 600_000;

const STREAMING: readonly TransportName[] = ['fetch', 'eventsource'];

export const ALL: readonly TransportName[] = ['fetch', 'eventsource', 'poll'];

export function createTransports(deps: TransportDeps, names: readonly TransportName[]): Transports {
  const until = new Map<TransportName, number>();
  const { clock } = deps;
  const canEventSource = 'EventSource' in globalThis;

  function usable(hasToken: boolean): TransportName | undefined {
    const now = clock.elapsedMs();
    return names.find((name) => {
      // An EventSource can send no header.
      if (name === 'eventsource' && (hasToken || !canEventSource)) return false;
      return (until.get(name) ?? 0) <= now;
    });
  }

  return {
    async pick(hasToken) {
      const name = usable(hasToken) ?? names.at(-1)!;
      if (name === 'fetch') return createFetchTransport(deps);
      const { createEventSourceTransport, createPollTransport } = await import('./more.ts');
      return (name === 'poll' ? createPollTransport : createEventSourceTransport)(deps);
    },
    hasOther: () => names.length > 1 && names.includes('poll'),
    avoid(why) {
      const now = clock.elapsedMs();
      if (why === 'no-streaming') until.set('fetch', Number.POSITIVE_INFINITY);
      else for (const name of STREAMING) until.set(name, Math.max(until.get(name) ?? 0, now + AVOID_MS));
    },
    forgive() {
      for (const [name, ms] of until) if (ms < Number.POSITIVE_INFINITY) until.delete(name);
    },
    againInMs() {
      const now = clock.elapsedMs();
      const soonest = Math.min(...[...until.values()].filter((ms) => ms > now));
      return Number.isFinite(soonest) ? soonest - now : undefined;
    },
  };
}
