/**
 * Contract of cursors of channels without events: not yet, or not any more. A position given out while a channel was
 * empty resumes once it has events; a position in a channel that was forgotten never resumes in its namesake.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { read } from './history.ts';
import { type Open, TOKEN } from './kit.ts';

export function emptyChannelTests(open: Open): void {
  const idle = { channelIdleMs: 50 };

  it('an empty channel is at the number of events its shard ever made', async () => {
    await using bench = await open();
    const [empty, other] = [bench.channel(), bench.channel()];
    await bench.put(other, 'a', 'b', 'c');
    const { epoch } = await bench.peek();
    assert.deepEqual(await bench.bounds(empty), { epoch, head: 3, base: 3, oldest: 4, forgotten: 0 });
    await bench.put(other, 'd');
    assert.deepEqual(await bench.bounds(empty), { epoch, head: 4, base: 4, oldest: 5, forgotten: 0 });
    assert.equal(await read(bench, empty, 3), '', 'still nothing after what was the head before');
    assert.equal(await read(bench, empty, 4), '');
    assert.equal(await read(bench, empty, 5), 'ahead');
  });

  it('its cursor resumes when the channel has events', async () => {
    await using bench = await open();
    const [channel, other] = [bench.channel(), bench.channel()];
    await bench.put(other, 'a', 'b', 'c');
    const { head } = await bench.bounds(channel);
    await bench.put(other, 'd', 'e');
    assert.equal(await read(bench, channel, head), '');
    await bench.put(channel, 'x', 'y');
    const { epoch, ...bounds } = await bench.bounds(channel);
    assert.deepEqual(bounds, { head: 7, base: 5, oldest: 6, forgotten: 0 });
    for (const offset of [0, head, 4, 5]) assert.equal(await read(bench, channel, offset), 'xy');
    assert.equal(await read(bench, channel, 6), 'y');
  });

  it('its cursor finds a gap `trimmed` when the first of those events is not kept any more', async () => {
    await using bench = await open({ historyMaxEvents: 2 });
    const [channel, other] = [bench.channel(), bench.channel()];
    await bench.put(other, 'a', 'b', 'c');
    await bench.put(channel, 'x', 'y');
    for (const offset of [2, 3]) assert.equal(await read(bench, channel, offset), 'xy');
    await bench.put(channel, 'z');
    for (const offset of [0, 2, 3]) assert.equal(await read(bench, channel, offset), 'trimmed');
    assert.equal(await read(bench, channel, 4), 'yz');
  });

  it('a forgotten channel is empty, and knows up to where it may have been another', async () => {
    await using bench = await open(idle);
    const channel = bench.channel();
    await bench.put(channel, 'a', 'b', 'c');
    await bench.forget(channel);
    const { epoch } = await bench.peek();
    assert.deepEqual(await bench.bounds(channel), { epoch, head: 4, base: 4, oldest: 5, forgotten: 4 });
    assert.deepEqual(await bench.texts(channel), []);
    for (const offset of [0, 1, 2, 3]) assert.equal(await read(bench, channel, offset), 'forgotten');
    assert.equal(await read(bench, channel, 4), '');
    assert.equal(await read(bench, channel, 5), 'ahead');
  });

  it('a forgotten channel that comes back reuses no position, and never resumes from an old one', async () => {
    await using bench = await open(idle);
    const channel = bench.channel();
    await bench.put(channel, 'a', 'b', 'c');
    await bench.forget(channel);
    await bench.put(channel, 'x', 'y');
    const { epoch, ...bounds } = await bench.bounds(channel);
    assert.deepEqual(bounds, { head: 6, base: 4, oldest: 5, forgotten: 4 });
    for (const offset of [0, 1, 2, 3]) assert.equal(await read(bench, channel, offset), 'forgotten');
    assert.equal(await read(bench, channel, 4), 'xy');
    assert.equal(await read(bench, channel, 5), 'y');

    await bench.forget(channel);
    await bench.put(channel, 'z');
    for (const offset of [0, 3, 4, 5, 6]) assert.equal(await read(bench, channel, offset), 'forgotten');
    assert.equal(await read(bench, channel, 7), 'z');
  });

  it('a cursor from after the forgetting, while the channel was empty, resumes', async () => {
    await using bench = await open(idle);
    const [channel, other] = [bench.channel(), bench.channel()];
    await bench.put(channel, 'a', 'b');
    await bench.forget(channel);
    await bench.put(other, 'c', 'd');
    const { head } = await bench.bounds(channel);
    assert.equal(head, 5);
    await bench.put(other, 'e');
    assert.equal(await read(bench, channel, head), '');
    await bench.put(channel, 'x');
    for (const offset of [3, 4, head, 6]) assert.equal(await read(bench, channel, offset), 'x');
    for (const offset of [1, 2]) assert.equal(await read(bench, channel, offset), 'forgotten');
  });

  it('an empty channel’s cursor survives the forgetting of another channel', async () => {
    await using bench = await open(idle);
    const [empty, other] = [bench.channel(), bench.channel()];
    await bench.put(other, 'a', 'b', 'c');
    const { head } = await bench.bounds(empty);
    await bench.put(other, 'd', 'e');
    await bench.forget(other);
    assert.equal((await bench.bounds(empty)).forgotten, 0);
    assert.equal(await read(bench, empty, head), '');
    await bench.put(empty, 'x');
    assert.equal(await read(bench, empty, head), 'x');
    assert.equal(await read(bench, other, head), 'forgotten');
  });

  it('no old position resumes however many channels were forgotten since', async () => {
    await using bench = await open({ channelIdleMs: 0 });
    const first = bench.channel();
    await bench.put(first, 'a', 'b', 'c');
    await bench.forget(first);
    // The engine remembers 10,000 of them one by one, and of the others what is safe.
    for (let round = 0; round < 21; round++) {
      const channels = Array.from({ length: 500 }, () => bench.channel());
      await bench.commit(
        0,
        channels.map((channel) => ({ channel, events: ['x'] })),
      );
      await bench.until('all to be forgotten', async () => {
        const outcome = await bench.engine.sweep(0, TOKEN, 1_000);
        assert.equal(outcome.kind, 'swept');
        const [last] = (await bench.engine.load(0, [{ channel: channels[499]!, froms: [], withState: false }]))
          .channels;
        return last!.head === null;
      });
    }
    assert.ok((await bench.bounds(first)).forgotten >= 3);
    assert.equal(await read(bench, first, 2), 'forgotten');
    await bench.put(first, 'y');
    for (const offset of [0, 1, 2]) assert.equal(await read(bench, first, offset), 'forgotten');
  });
}
