/** `since=10m`: found by halves, and never after an event that was accepted in that time. */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { Engine } from '../../src/engine/engine.ts';
import { createMemoryEngine } from '../../src/engine/memory.ts';
import { Hub } from '../../src/gateway/hub/hub.ts';
import { findStart } from '../../src/gateway/stream/start.ts';
import { type Bench, event, generousOptions, opener } from '../contract/engine/kit.ts';
import { createRandom } from '../support/random.ts';

const NOW_MS = 1_800_000_000_000;
const clock = { wallMs: () => NOW_MS, elapsedMs: () => 0 };
const open = opener(async (options) => {
  const engine = createMemoryEngine({ ...generousOptions, shards: 1, historyMaxEvents: 100_000, ...options });
  return { engine, close: () => engine.close() };
});

let bench: Bench;
let hub: Hub;
afterEach(async () => {
  hub.close();
  await bench[Symbol.asyncDispose]();
});

/** Events of these ages, in milliseconds, the oldest first; returns the number of events read by each search. */
async function kept(agesMs: readonly number[]) {
  bench = await open();
  const channel = bench.channel();
  for (let i = 0; i < agesMs.length; i += 5000) {
    const events = agesMs.slice(i, i + 5000).map((ageMs, n) => event(i + n + 1, 'x', { atMs: NOW_MS - ageMs }));
    await bench.commit(0, [{ channel, head: i === 0 ? null : i, events }]);
  }
  const cost = { reads: 0, events: 0 };
  const engine: Engine = {
    ...bench.engine,
    async readHistory(...asked) {
      const page = await bench.engine.readHistory(...asked);
      cost.reads++;
      if (page.kind === 'events') cost.events += page.events.length;
      return page;
    },
  };
  hub = new Hub(channel, { engine, account: () => {}, onError: () => {} });
  await hub.opened;
  return async (since: string) => {
    Object.assign(cost, { reads: 0, events: 0 });
    const [start] = await findStart({ engine, clock }, [hub], { since, isLastEventId: false, snapshot: false });
    assert.equal(start!.status, 'resumed');
    return { offset: start!.position.offset, ...cost };
  };
}

describe('a window', () => {
  it('of 100,000 kept events costs a few small reads', async () => {
    const search = await kept(Array.from({ length: 100_000 }, (_, i) => (100_000 - i) * 100));
    for (const [since, offset] of [
      ['1s', 99_990],
      ['10m', 94_000],
      ['2h', 28_000],
      ['7d', 0],
    ] as const) {
      const found = await search(since);
      assert.equal(found.offset, offset, since);
      assert.ok(found.reads <= 20 && found.events <= 2_600, `${since}: ${found.reads} reads of ${found.events} events`);
    }
    assert.equal((await search('earliest')).offset, 0);
  });

  it('that begins in the ring costs none', async () => {
    const search = await kept(Array.from({ length: 2_000 }, (_, i) => (2_000 - i) * 1000));
    const found = await search('30s');
    assert.deepEqual(found, { offset: 1_970, reads: 0, events: 0 });
  });

  it('without an event in it begins at the head', async () => {
    const search = await kept(Array.from({ length: 3_000 }, () => 60_000));
    assert.equal((await search('10s')).offset, 3_000);
  });

  it('of events that came all at once begins before them', async () => {
    const search = await kept([...Array<number>(5_000).fill(90_000), ...Array<number>(5_000).fill(30_000)]);
    assert.equal((await search('60s')).offset, 5_000);
  });

  for (const seed of [1, 2, 3]) {
    it(`never begins behind an event of it where clocks are not in step (${seed})`, async () => {
      const random = createRandom(seed);
      const ages = Array.from({ length: 20_000 }, (_, i) => (20_000 - i) * 50 + (random.next() - 0.5) * 4_000);
      const search = await kept(ages);
      for (const s of [1, 5, 30, 100, 400, 900]) {
        const first = ages.findIndex((ageMs) => ageMs <= s * 1000);
        const { offset } = await search(`${s}s`);
        assert.ok(offset <= first, `${s}s: began at ${offset}, behind ${first}`);
        assert.ok(first - offset < 2_600, `${s}s: began at ${offset}, long before ${first}`);
      }
    });
  }
});
