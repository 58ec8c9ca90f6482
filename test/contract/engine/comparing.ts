/** Contract of `readChanges` and `readTails`: whether copies of many logs' ends are still true, asked at once. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Channel } from '../../../src/domain/channel.ts';
import { CHANGES_MAX, type Mark, TAILS_MAX, type Tail } from '../../../src/engine/comparing.ts';
import { ALL, type Bench, event, type Open, same, textOf } from './kit.ts';

const KIB = 1 << 10;
const MANY_BYTES = 256 * KIB;

export function changesTests(open: Open): void {
  const changes = (bench: Bench, since: Mark | null, limit = CHANGES_MAX) => bench.engine.readChanges(0, since, limit);
  const since = async (bench: Bench, mark: Mark, limit?: number) => (await changes(bench, mark, limit)).channels;

  it('tells nothing since a mark that is the last, and anything since one that nobody remembers', async () => {
    await using bench = await open();
    await bench.put(bench.channel(), 'a');
    const { mark, channels, epoch, emptyHead } = await changes(bench, null);
    assert.equal(channels, null);
    assert.equal(epoch, (await bench.peek()).epoch);
    assert.equal(emptyHead, 1);
    assert.deepEqual(await changes(bench, mark), { mark, epoch, emptyHead, channels: [] });
    assert.equal((await changes(bench, 'what is this')).channels, null);
  });

  it('tells which channels have got events', async () => {
    await using bench = await open();
    const [a, b, c] = [bench.channel(), bench.channel(), bench.channel()];
    for (const channel of [a, b]) await bench.put(channel, 'x');
    const { mark } = await changes(bench, null);
    await bench.put(c, 'x', 'y');
    await bench.put(a, 'y');
    await bench.put(a, 'z');
    const after = await changes(bench, mark);
    assert.deepEqual([...after.channels!].sort(), [a, c].sort());
    assert.equal(after.emptyHead, 6);
    assert.notEqual(after.mark, mark);
    assert.deepEqual(await since(bench, after.mark), []);
    await bench.put(b, 'y');
    assert.deepEqual(await since(bench, after.mark), [b]);
  });

  it('knows nothing of other shards', async () => {
    await using bench = await open();
    const { mark } = await changes(bench, null);
    await bench.peek(1);
    await bench.put(bench.channel(1), 'x');
    assert.equal((await changes(bench, mark)).mark, mark);
  });

  it('says that any may have changed where more have than are asked for', async () => {
    await using bench = await open();
    const channels = Array.from({ length: 5 }, () => bench.channel());
    await bench.peek();
    const { mark } = await changes(bench, null);
    for (const channel of channels) await bench.put(channel, 'x');
    assert.deepEqual([...(await since(bench, mark, 5))!].sort(), [...channels].sort());
    assert.equal(await since(bench, mark, 4), null);
  });

  it('a commit without events changes no channel', async () => {
    await using bench = await open();
    const channel = bench.channel();
    await bench.put(channel, 'x');
    const { mark } = await changes(bench, null);
    await bench.commit(0, [{ channel, events: [], seqs: { 'p.1': 1 } }]);
    assert.deepEqual(await since(bench, mark), []);
  });

  it('tells which channels were forgotten', async () => {
    await using bench = await open({ channelIdleMs: 0 });
    const [gone, other] = [bench.channel(), bench.channel()];
    await bench.put(gone, 'x');
    const { mark } = await changes(bench, null);
    await bench.forget(gone);
    const after = await changes(bench, mark);
    assert.deepEqual(after.channels, [gone]);
    await bench.put(other, 'x');
    assert.deepEqual(await since(bench, after.mark), [other]);
  });

  it('after a renewal any may have changed', async () => {
    await using bench = await open();
    const channel = bench.channel();
    await bench.put(channel, 'x');
    const { mark, epoch } = await changes(bench, null);
    await bench.engine.renew(0, epoch, { kind: 'rev', rev: 1_000 });
    const after = await changes(bench, mark);
    assert.equal(after.channels, null);
    assert.notEqual(after.epoch, epoch);
    assert.deepEqual(await since(bench, after.mark), []);
  });
}

export function tailsTests(open: Open): void {
  async function tails(bench: Bench, wanted: readonly Tail[], limit = ALL, maxBytes = MANY_BYTES): Promise<unknown[]> {
    return [...(await bench.engine.readTails(0, wanted, limit, maxBytes))];
  }

  async function after(bench: Bench, ...wanted: [Channel, number, string?][]): Promise<Tail[]> {
    const { epoch } = await bench.bounds(wanted[0]![0]);
    return wanted.map(([channel, offset, other]) => ({ channel, after: { epoch: other ?? epoch, offset } }));
  }

  it('answers what the history of each would', async () => {
    await using bench = await open({ historyMaxEvents: 3, channelIdleMs: 0 });
    const [full, short, empty, gone] = [bench.channel(), bench.channel(), bench.channel(), bench.channel()];
    await bench.put(gone, 'x');
    await bench.forget(gone);
    await bench.put(full, ...'abcde');
    await bench.commit(0, [{ channel: short, events: [event(8, 'f', { from: 'p.1', seq: 3, trace: 'tr' })] }]);
    const { head } = await bench.bounds(empty);
    const { head: end } = await bench.bounds(full);
    const wanted = await after(
      bench,
      ...[0, end - 4, end - 3, end - 2, end - 1, end, end + 1].map((offset): [Channel, number] => [full, offset]),
      ...([
        [short, 7],
        [short, 8],
        [short, 1],
        [short, 7, 'zzzzz1'],
      ] as [Channel, number, string?][]),
      ...([
        [empty, 0],
        [empty, head],
        [empty, head + 1],
        [gone, 1],
        [gone, head],
      ] as [Channel, number][]),
    );
    for (const limit of [ALL, 2, 1, 0]) {
      const alone = wanted.map(({ channel, after }) => bench.engine.readHistory(channel, after, limit));
      same(await tails(bench, wanted, limit), await Promise.all(alone), `limit ${limit}`);
    }
  });

  it('as many as may be asked for', async () => {
    await using bench = await open();
    const channels = Array.from({ length: TAILS_MAX }, () => bench.channel());
    for (const channel of channels) await bench.put(channel, channel);
    const { epoch } = await bench.peek();
    const wanted = channels.map((channel, i) => ({ channel, after: { epoch, offset: i } }));
    const pages = await bench.engine.readTails(0, wanted, 1, MANY_BYTES);
    assert.deepEqual(
      pages.map((page) => (page?.kind === 'events' ? page.events.map(textOf).join() : page)),
      channels,
    );
  });

  it('stops when it has enough, but not before the first', async () => {
    await using bench = await open();
    const channels = Array.from({ length: 4 }, () => bench.channel());
    for (const channel of channels) await bench.put(channel, 'x'.repeat(40 * KIB), 'y'.repeat(40 * KIB));
    const wanted = await after(bench, ...channels.map((channel, i): [Channel, number] => [channel, 2 * i]));
    const told = async (maxBytes: number) =>
      (await bench.engine.readTails(0, wanted, ALL, maxBytes)).map((page) =>
        page?.kind === 'events' ? page.events.length : page,
      );
    assert.deepEqual(await told(1_000 * KIB), [2, 2, 2, 2]);
    assert.deepEqual(await told(1), [1, null, null, null]);
    assert.deepEqual(await told(50 * KIB), [2, null, null, null]);
    assert.deepEqual(await told(100 * KIB), [2, 1, null, null]);
  });

  it('creates nothing but the epoch of its shard', async () => {
    await using bench = await open();
    const channel = bench.channel();
    const [page] = await bench.engine.readTails(0, [{ channel, after: { epoch: 'zzzzz1', offset: 0 } }], 1, 1);
    assert.ok(page?.kind === 'gap' && page.reason === 'epoch');
    assert.deepEqual(page.log, await bench.bounds(channel));
    same(await bench.engine.readState(channel), { epoch: page.log.epoch, offset: 0, state: new Map() });
  });
}
