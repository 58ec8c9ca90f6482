/**
 * Which transport is next: the first of the app's that is not known to fail here. What a proxy buffers is avoided for ten minutes; what
 * the browser cannot do, for ever. Those that few need are loaded when they are.
 */
import type { TransportName } from './contract.ts';
import { createFetchTransport } from './fetch-transport.ts';
import type { LatePart } from './part.ts';
import type { Transport, TransportDeps } from './transport.ts';

export interface Transports {
  pick(hasToken: boolean): Promise<Transport>;
  /** Whether there is one that needs no streaming. */
  readonly hasOther: boolean;
  avoid(why: 'buffered' | 'no-streaming'): void;
  /** The network was the reason, not a proxy. */
  forgive(): void;
  /** When what is avoided now may do again, milliseconds from now; not above 0 where nothing is. */
  againInMs(): number;
}

/** A phone is in another network by then; and a proxy that buffers costs it four seconds each time. */
const AVOID_MS = 600_000;

export const ALL: readonly TransportName[] = ['fetch', 'eventsource', 'poll'];

export function createTransports(deps: TransportDeps, all: readonly TransportName[], part: LatePart): Transports {
  const { clock } = deps;
  const hasOther = all.length > 1 && all.includes('poll');
  let names = all;
  /** Until then whatever streams is avoided. */
  let untilMs = 0;
  const leftMs = () => untilMs - clock.elapsedMs();

  function isUsable(name: TransportName, hasToken: boolean): boolean {
    if (name === 'poll') return true;
    // An EventSource can send no header.
    return leftMs() <= 0 && (name === 'fetch' || (!hasToken && 'EventSource' in globalThis));
  }

  return {
    async pick(hasToken) {
      const name = names.find((each) => isUsable(each, hasToken)) ?? names.at(-1)!;
      if (name === 'fetch') return createFetchTransport(deps);
      const { createEventSourceTransport, createPollTransport } = await part.get();
      return (name === 'poll' ? createPollTransport : createEventSourceTransport)(deps);
    },
    hasOther,
    avoid(why) {
      if (why === 'no-streaming') names = names.filter((name) => name !== 'fetch');
      else untilMs = clock.elapsedMs() + AVOID_MS;
    },
    forgive() {
      untilMs = 0;
    },
    againInMs: leftMs,
  };
}
