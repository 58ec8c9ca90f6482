/** One way to talk, measured: what its first change and its first event cost, and then each one more. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Counted, type CountingProxy, differenceOf, startCountingProxy } from './counting-proxy.ts';
import type { Way } from './way.ts';

/** What the first costs, and each after it. */
export interface Costs {
  readonly first: Counted;
  readonly each: readonly Counted[];
}

export interface Measured {
  readonly name: string;
  readonly change: Costs;
  readonly event: Costs | undefined;
}

/** Through a window's update or the next second's date no two need be the same: enough for a median. */
export const ROUNDS = 20;
const HEARD_MS = 10_000;

export async function measure(way: Way, rounds = ROUNDS): Promise<Measured> {
  return { name: way.name, change: await changesOf(way, rounds), event: await eventsOf(way, rounds) };
}

async function changesOf(way: Way, rounds: number): Promise<Costs> {
  await using proxy = await startCountingProxy(way.port);
  const sender = await way.sender(proxy.port);
  try {
    return await costsOf(proxy, rounds, () => sender.send());
  } finally {
    await sender.close();
  }
}

async function eventsOf({ port, listener, publish }: Way, rounds: number): Promise<Costs | undefined> {
  if (listener === undefined || publish === undefined) return undefined;
  await using proxy = await startCountingProxy(port);
  const listening = await listener(proxy.port);
  try {
    return await costsOf(proxy, rounds, async () => {
      const due = (await listening.heard()) + 1;
      await publish();
      await until(async () => (await listening.heard()) >= due);
    });
  } finally {
    await listening.close();
  }
}

/** @param once One change more, or one event. The first is behind us. */
async function costsOf(proxy: CountingProxy, rounds: number, once: () => Promise<void>): Promise<Costs> {
  const first = await proxy.quiet();
  const each: Counted[] = [];
  for (let before = first; each.length < rounds; ) {
    await once();
    const after = await proxy.quiet();
    each.push(differenceOf(after, before));
    before = after;
  }
  return { first, each };
}

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  for (const late = performance.now() + HEARD_MS; !(await isTrue()); await sleep(2)) {
    if (performance.now() > late) throw new Error('an event was not heard');
  }
}
