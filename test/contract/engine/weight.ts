/** Contract of how much a read answers: bytes are bounded as well as counts, and one event or entry is always answered. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Channel } from '../../../src/domain/channel.ts';
import { READ_MAX_BYTES } from '../../../src/engine/engine.ts';
import { ALL, type Bench, change, event, LONG_MS, type Open, TOKEN } from './kit.ts';

const KIB = 1 << 10;

export function weightTests(open: Open): void {
  /** Events of 10 KiB each, from offset 1 on. */
  async function putLarge(bench: Bench, channel: Channel, count: number): Promise<string> {
    const events = Array.from({ length: count }, (_, i) =>
      event(i + 1, '', { bytes: new Uint8Array(10 * KIB).fill(i) }),
    );
    await bench.commit(0, [{ channel, events }]);
    return (await bench.bounds(channel)).epoch;
  }

  async function offsets(page: ReturnType<Bench['engine']['readHistory']>): Promise<number[]> {
    const answer = await page;
    return answer.kind === 'events' ? answer.events.map(({ offset }) => offset) : assert.fail(answer.reason);
  }

  const range = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, i) => first + i);

  it('of history ends a page behind the event that exceeds `maxBytes`, and the next page goes on', async () => {
    await using bench = await open();
    const channel = bench.channel();
    const epoch = await putLarge(bench, channel, 40);
    const after = (offset: number, maxBytes: number, limit = ALL) =>
      offsets(bench.engine.readHistory(channel, { epoch, offset }, limit, maxBytes));
    assert.deepEqual(await after(0, 0), [1]);
    assert.deepEqual(await after(0, 1), [1]);
    assert.deepEqual(await after(0, 15 * KIB), [1, 2]);
    assert.deepEqual(await after(7, 95 * KIB), range(8, 17));
    assert.deepEqual(await after(7, 95 * KIB, 4), range(8, 11));
    assert.deepEqual(await after(39, 15 * KIB), [40]);
    assert.deepEqual(await after(40, 15 * KIB), []);
    const seen: number[] = [];
    while (seen.length < 40) seen.push(...(await after(seen.length, 35 * KIB)));
    assert.deepEqual(seen, range(1, 40));
  });

  it('of the newest events leaves out the oldest', async () => {
    await using bench = await open();
    const channel = bench.channel();
    await putLarge(bench, channel, 40);
    const newest = (maxBytes: number, limit = ALL) => offsets(bench.engine.readHistory(channel, null, limit, maxBytes));
    assert.deepEqual(await newest(0), [40]);
    assert.deepEqual(await newest(15 * KIB), [39, 40]);
    assert.deepEqual(await newest(95 * KIB), range(31, 40));
    assert.deepEqual(await newest(95 * KIB, 3), range(38, 40));
    assert.deepEqual(await newest(ALL * 100), range(1, 40));
    assert.deepEqual(await newest(ALL * 100, 0), []);
  });

  it('of history has a bound also when none is given', async () => {
    await using bench = await open({ historyMaxEvents: 100 });
    const channel = bench.channel();
    const epoch = await putLarge(bench, channel, 90);
    const most = READ_MAX_BYTES / (10 * KIB) + 1;
    for (const position of [null, { epoch, offset: 0 }]) {
      const page = await offsets(bench.engine.readHistory(channel, position, ALL));
      assert.ok(page.length > most / 2 && page.length <= most, `${page.length} events of 10 KiB`);
    }
  });

  it('of an inbox ends behind the entry that exceeds `maxBytes`, wherever that is', async () => {
    await using bench = await open();
    const channel = bench.channel();
    const changes = Array.from({ length: 40 }, (_, i) =>
      change(channel, '', { bytes: new Uint8Array(10 * KIB).fill(i) }),
    );
    await bench.engine.append(changes);
    for (const [maxBytes, expected] of [
      [0, 1],
      [15 * KIB, 2],
      [35 * KIB, 4],
      [65 * KIB, 7],
      [295 * KIB, 30],
      [ALL * 100, 40],
    ] as const) {
      const peek = await bench.engine.peek(0, { token: TOKEN, ms: LONG_MS }, { maxEntries: ALL, maxBytes });
      assert.equal(peek.kind === 'entries' && peek.entries.length, expected, `maxBytes ${maxBytes}`);
    }
  });
}
