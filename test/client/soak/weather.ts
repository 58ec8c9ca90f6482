/** The networks that the pages are on: each a proxy for TCP in front of one for HTTP, each with troubles that change by themselves. */
import { setTimeout as sleep } from 'node:timers/promises';
import { startProxy, type Trouble } from '../../faults/proxy.ts';
import { createRandom } from '../../support/random.ts';
import { type Mischief, startMiddle, type Targets } from './middle.ts';

export interface Network {
  readonly url: string;
  readonly counts: Readonly<Record<string, number>>;
  /** Troubles, one after the other. Resolves once `signal` says that they are over. */
  run(signal: AbortSignal): Promise<void>;
  end(): Promise<void>;
}

interface Weather {
  /** How often it is, of a hundred. */
  readonly share: number;
  /** How long it lasts at most, milliseconds. */
  readonly maxMs: number;
  readonly trouble: Partial<Trouble>;
}

const MISCHIEF: Mischief = { unavailable: 0.02, badGateway: 0.02, repeat: 0.05, buffer: 0.03, older: 0.1 };
const WEATHERS: readonly Weather[] = [
  { share: 30, maxMs: 3_000, trouble: {} },
  { share: 30, maxMs: 3_000, trouble: { swallow: 0.05, cut: 0.01, jitterMs: 5 } },
  { share: 25, maxMs: 3_000, trouble: { delayMs: 60, jitterMs: 120, swallow: 0.01 } },
  { share: 8, maxMs: 6_000, trouble: { blackHole: true } },
  { share: 7, maxMs: 2_000, trouble: { refuse: true } },
];

export async function startNetwork(targets: Targets, seed: number): Promise<Network> {
  const random = createRandom(seed);
  const middle = await startMiddle(targets, createRandom(seed + 1));
  const proxy = await startProxy(() => [{ host: '127.0.0.1', port: middle.port }], createRandom(seed + 2));

  const chances = WEATHERS.flatMap((weather) => Array.from({ length: weather.share }, () => weather));

  return {
    url: `http://127.0.0.1:${proxy.port}`,
    get counts() {
      return { ...proxy.counts, ...middle.counts };
    },
    async run(signal) {
      middle.set(MISCHIEF);
      while (!signal.aborted) {
        const { maxMs, trouble } = random.pick(chances);
        proxy.set(trouble);
        if (random.chance(0.15)) proxy.cutAll(0.5);
        // At any byte of what comes next.
        if (random.chance(0.15)) proxy.cutAfter(random.int(4_000));
        await sleep(200 + random.int(maxMs), undefined, { signal }).catch(() => undefined);
      }
      proxy.set();
      middle.set();
    },
    async end() {
      await proxy[Symbol.asyncDispose]();
      await middle[Symbol.asyncDispose]();
    },
  };
}
