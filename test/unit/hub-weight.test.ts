/** What a hub holds and reads is weighed: pages, its tail, its ring, what waits for a repair, and all rings together. */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { Event } from '../../src/domain/event.ts';
import type { ChannelObserver, Engine } from '../../src/engine/engine.ts';
import { createMemoryEngine } from '../../src/engine/memory/engine.ts';
import { EngineUnavailable } from '../../src/errors.ts';
import { Hub } from '../../src/gateway/hub/hub.ts';
import type { HubDeps } from '../../src/gateway/hub/hub-deps.ts';
import { RingBudget } from '../../src/gateway/hub/ring-budget.ts';
import { type Bench, generousOptions, opener } from '../contract/engine/kit.ts';
import { tailsOf } from '../support/tails.ts';
import { waitFor } from '../support/wait.ts';

const KIB = 1 << 10;
/** Of a page: 256 KiB, the change that exceeds it, and the last one that is compared. */
const pageMax = (changeBytes: number) => 256 * KIB + 2 * changeBytes;

interface Laboratory extends AsyncDisposable {
  readonly bench: Bench;
  readonly hub: Hub;
  /** Bytes of changes of each read of the history, in their order. */
  readonly reads: number[];
  /** What the hub holds by its own account. */
  readonly heldBytes: () => number;
  /** Nothing that is published arrives. */
  isDeaf: boolean;
  /** The next reads of the history fail. */
  failures: number;
  /** News that the store might bring. */
  publish(events: readonly Event[]): void;
}

const open = opener(async (options) => {
  const engine = createMemoryEngine({ ...generousOptions, shards: 1, historyMaxEvents: 10_000, ...options });
  return { engine, close: () => engine.close() };
});

let laboratory: Laboratory | undefined;
afterEach(() => laboratory?.[Symbol.asyncDispose]());

/** @param before Changes that are there before the hub opens. */
async function create(rest: Partial<HubDeps> = {}, before: readonly string[] = []): Promise<Laboratory> {
  const bench = await open();
  const channel = bench.channel();
  for (const text of before) await bench.put(channel, text);
  const reads: number[] = [];
  let observer: ChannelObserver;
  let held = 0;
  const readHistory: Engine['readHistory'] = async (...asked) => {
    if (lab.failures > 0 && lab.failures-- > 0) throw new EngineUnavailable('away');
    const page = await bench.engine.readHistory(...asked);
    if (page.kind === 'events') reads.push(page.events.reduce((sum, { bytes }) => sum + bytes.length, 0));
    return page;
  };
  const engine: Engine = {
    ...bench.engine,
    readHistory,
    ...tailsOf(readHistory),
    subscribe(name, hears) {
      observer = hears;
      return bench.engine.subscribe(name, {
        published: (epoch, events) => lab.isDeaf || hears.published(epoch, events),
        suspect: () => hears.suspect(),
      });
    },
  };
  const account = (bytes: number) => {
    held += bytes;
  };
  const hub = new Hub(channel, { engine, account, onError: () => {}, ...rest });
  const lab: Laboratory = {
    ...{ bench, hub, reads, heldBytes: () => held, isDeaf: false, failures: 0 },
    publish: (events) => observer.published(hub.epoch, events),
    async [Symbol.asyncDispose]() {
      hub.close();
      await bench[Symbol.asyncDispose]();
    },
  };
  laboratory = lab;
  await hub.opened;
  return lab;
}

async function miss(lab: Laboratory, count: number, text: string): Promise<void> {
  lab.isDeaf = true;
  for (let i = 0; i < count; i++) await lab.bench.put(lab.hub.channel, text);
  await new Promise(setImmediate);
  lab.isDeaf = false;
}

describe('a hub that missed much', () => {
  for (const [count, kib] of [
    [60, 64],
    [12, 1024],
  ] as const) {
    it(`of ${count} × ${kib} KiB reads it in pages, each told as it comes, with turns in between`, async () => {
      const lab = await create({}, ['first']);
      await miss(lab, count, 'x'.repeat(kib * KIB));
      lab.reads.length = 0;
      let told = 0;
      let turns = 0;
      lab.hub.readers.add({ advanced: () => told++, restarted: () => assert.fail('nothing was lost') });
      let isDone = false;
      const turn = () => {
        turns++;
        if (!isDone) setImmediate(turn);
      };
      setImmediate(turn);
      await lab.hub.repair();
      isDone = true;
      assert.equal(lab.hub.head, (await lab.bench.bounds(lab.hub.channel)).head);
      assert.ok(Math.max(...lab.reads) <= pageMax(kib * KIB), `a read of ${Math.max(...lab.reads)} bytes`);
      assert.ok(told >= 5 && turns >= told - 1, `told ${told} times in ${turns} turns`);
    });
  }

  it('keeps what has come when the store goes away in the middle', async () => {
    const lab = await create({}, ['first']);
    await miss(lab, 20, 'x'.repeat(128 * KIB));
    const { head } = lab.hub;
    let pages = 0;
    lab.hub.readers.add({
      advanced() {
        if (++pages === 2) lab.failures = 1;
      },
      restarted: () => assert.fail('nothing was lost'),
    });
    lab.reads.length = 0;
    await lab.hub.repair();
    assert.equal(lab.hub.head, head + 20);
    const bytes = lab.reads.reduce((sum, each) => sum + each, 0);
    assert.ok(bytes < 2 * 20 * 128 * KIB, `${bytes} bytes were read for ${20 * 128 * KIB}`);
  });

  it('has one small read when it missed nothing', async () => {
    const lab = await create({}, ['first', 'second']);
    lab.reads.length = 0;
    await lab.hub.repair();
    assert.deepEqual(lab.reads, ['second'.length]);
  });
});

it('the tail that a hub opens with is weighed', async () => {
  const lab = await create({}, Array(30).fill('x'.repeat(32 * KIB)));
  assert.ok(lab.reads[0]! <= 64 * KIB + 32 * KIB, `${lab.reads[0]} bytes`);
  assert.equal(lab.hub.head, (await lab.bench.bounds(lab.hub.channel)).head);
});

it('a ring is within its own bound at once, whatever comes', async () => {
  const lab = await create({ ringMaxBytes: 100 * KIB }, ['first']);
  for (let i = 0; i < 50; i++) {
    await lab.bench.put(lab.hub.channel, 'x'.repeat(8 * KIB));
    await Promise.resolve();
    assert.ok(lab.heldBytes() <= 100 * KIB, `${lab.heldBytes()} bytes after ${i}`);
  }
  await lab.bench.put(lab.hub.channel, 'x'.repeat(200 * KIB));
  await new Promise(setImmediate);
  assert.ok(lab.hub.covers({ epoch: lab.hub.epoch, offset: lab.hub.head - 1 }), 'the last event is kept in any case');
});

it('what waits for a repair is weighed, and read from history where it is too much', async () => {
  const lab = await create({}, ['first']);
  lab.failures = 2;
  lab.isDeaf = true;
  const repaired = lab.hub.repair();
  let most = 0;
  for (let i = 0; i < 40; i++) {
    const before = lab.hub.head + i;
    await lab.bench.put(lab.hub.channel, 'x'.repeat(64 * KIB));
    const page = await lab.bench.engine.readHistory(lab.hub.channel, { epoch: lab.hub.epoch, offset: before }, 1);
    assert.equal(page.kind, 'events');
    if (page.kind === 'events') lab.publish(page.events);
    most = Math.max(most, lab.heldBytes());
  }
  assert.ok(most > 64 * KIB && most < 300 * KIB, `${most} bytes waited`);
  await repaired;
  await waitFor(async () => lab.hub.head === (await lab.bench.bounds(lab.hub.channel)).head, { what: 'the head' });
});

describe('the budget of all rings', () => {
  const ring = (bytes: number, events: number, budget: RingBudget) => {
    const holder = {
      shrinks: 0,
      events,
      previous: undefined,
      next: undefined,
      get canShrink() {
        return holder.events > 1;
      },
      shrink() {
        holder.shrinks++;
        const left = Math.max(1, holder.events >> 1);
        const gone = holder.events - left;
        holder.events = left;
        budget.settled(-gone * bytes, holder);
      },
    };
    budget.settled(events * bytes, holder);
    return holder;
  };

  it('is kept at the moment at which it is exceeded', () => {
    const budget = new RingBudget(1_000);
    const rings = [ring(10, 64, budget), ring(10, 30, budget)];
    assert.equal(rings[0]!.shrinks + rings[1]!.shrinks, 0);
    rings.push(ring(10, 64, budget));
    assert.ok(budget.bytes <= 1_000);
  });

  it('makes room for what shares it, and has it back', () => {
    const budget = new RingBudget(1_000);
    const only = ring(10, 64, budget);
    budget.shared(500);
    assert.ok(only.shrinks > 0 && budget.bytes <= 1_000, `${budget.bytes} bytes`);
    budget.shared(-500);
    assert.equal(budget.bytes, 10 * only.events);
  });

  it('is not tried where nobody has more than an event', () => {
    const budget = new RingBudget(100);
    const rings = Array.from({ length: 1_000 }, () => ring(10, 1, budget));
    assert.equal(budget.isExceeded, true);
    assert.equal(rings.filter(({ shrinks }) => shrinks > 0).length, 0);
    const large = ring(10, 64, budget);
    assert.equal(large.events, 1);
    assert.equal(budget.bytes, 10_010);
  });
});
