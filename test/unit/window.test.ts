/** `since=10m`: found by halves, and never after an event that was accepted in that time. */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { Event } from '../../src/domain/event.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { createMemoryEngine } from '../../src/engine/memory/engine.ts';
import { Hub } from '../../src/gateway/hub/hub.ts';
import { parseWindow } from '../../src/gateway/stream/moment.ts';
import { findStart } from '../../src/gateway/stream/start.ts';
import { logInStore, windowStart } from '../../src/gateway/stream/window.ts';
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

/** What the clock of the shard says: it has nothing to do with ours. */
const CLOCK_MS = 12_345_678;

interface KeptOptions {
  /** How far off the clock of the bucket is that took them, of each. */
  readonly offMs?: (index: number) => number;
  /** Made by a version that did not note when. */
  readonly isOld?: boolean;
}

/** Events that were merged so long ago, in milliseconds, the oldest first; returns the number of events read by each search. */
async function kept(agesMs: readonly number[], { offMs = () => 0, isOld = false }: KeptOptions = {}) {
  bench = await open();
  const channel = bench.channel();
  for (let i = 0; i < agesMs.length; i += 5000) {
    const events = agesMs
      .slice(i, i + 5000)
      .map((ageMs, n) => event(i + n + 1, 'x', { atMs: NOW_MS - ageMs + offMs(i + n) }));
    await bench.commit(0, [{ channel, head: i === 0 ? null : i, events }]);
  }
  const cost = { reads: 0, events: 0 };
  const merged = ({ mergedAfterMs: _, ...rest }: Event): Event =>
    isOld ? rest : { ...rest, mergedAfterMs: CLOCK_MS - agesMs[rest.offset - 1]! - rest.atMs };
  const engine: Engine = {
    ...bench.engine,
    async readHistory(...asked) {
      const page = { ...(await bench.engine.readHistory(...asked)), clockMs: CLOCK_MS };
      cost.reads++;
      if (page.kind === 'gap') return page;
      cost.events += page.events.length;
      return { ...page, events: page.events.map(merged) };
    },
  };
  hub = new Hub(channel, { engine, account: () => {}, onError: () => {} });
  await hub.opened;
  return async (since: string) => {
    const inStore = await windowStart(engine, logInStore(engine, channel), parseWindow(since)!, NOW_MS);
    Object.assign(cost, { reads: 0, events: 0 });
    const [start] = await findStart({ histories: engine, clock }, [hub], {
      since,
      isLastEventId: false,
      snapshot: false,
    });
    assert.equal(start!.status, 'resumed');
    assert.deepEqual(inStore, start!.position, 'the same for who has no hub');
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

  it('that begins in the ring costs a look at the clock of the shard', async () => {
    const search = await kept(Array.from({ length: 2_000 }, (_, i) => (2_000 - i) * 1000));
    const found = await search('30s');
    assert.deepEqual(found, { offset: 1_970, reads: 1, events: 0 });
  });

  const HOUR_MS = 3_600_000;
  for (const [whose, offMs] of [
    ['of every bucket is an hour behind', () => -HOUR_MS],
    ['of every bucket is an hour ahead', () => HOUR_MS],
    ['of one bucket of two is an hour behind', (i: number) => (i % 2 === 0 ? -HOUR_MS : 0)],
    ['of a bucket was behind for a while', (i: number) => (i > 600 && i < 1_900 ? -2 * 24 * HOUR_MS : 0)],
  ] as const) {
    for (const many of [40, 2_000]) {
      it(`is the same when the clock ${whose}, of ${many} events`, async () => {
        const search = await kept(
          Array.from({ length: many }, (_, i) => (many - i) * 1000),
          { offMs },
        );
        for (const s of [10, 30, 600, 1_500])
          assert.equal((await search(`${s}s`)).offset, Math.max(0, many - s), `${s}s`);
      });
    }
  }

  it('of events of a version that noted no time of merging goes by the time that their buckets gave', async () => {
    const search = await kept(
      Array.from({ length: 2_000 }, (_, i) => (2_000 - i) * 1000),
      { isOld: true },
    );
    for (const [s, offset] of [
      [30, 1_970],
      [600, 1_400],
    ] as const)
      assert.equal((await search(`${s}s`)).offset, offset);
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
