/** Contract of `subscribe`: every commit from the acknowledgement on, in order, to every observer of that channel alone. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Channel } from '../../../src/domain/channel.ts';
import type { Event } from '../../../src/domain/event.ts';
import type { Subscription } from '../../../src/engine/engine.ts';
import { type Bench, event, type Open, same, textOf } from './kit.ts';

export interface Observed extends Subscription {
  readonly batches: { readonly epoch: string; readonly events: readonly Event[] }[];
  /** The texts of each batch, batches apart by a blank. */
  text(): string;
  suspected: number;
}

export async function observe(bench: Bench, channel: Channel): Promise<Observed> {
  const batches: Observed['batches'] = [];
  const observed: Observed = {
    batches,
    text: () => batches.map(({ events }) => events.map(textOf).join('')).join(' '),
    suspected: 0,
    close: () => subscription.close(),
  };
  const subscription = await bench.engine.subscribe(channel, {
    published: (epoch, events) => void batches.push({ epoch, events }),
    suspect: () => void observed.suspected++,
  });
  return observed;
}

export function subscribeTests(open: Open): void {
  it('tells what one commit added to the channel as one batch, with its epoch', async () => {
    await using bench = await open();
    const channel = bench.channel();
    const observed = await observe(bench, channel);
    const events = [
      event(1, 'a', { from: 'p.1', seq: Number.MAX_SAFE_INTEGER, atMs: 1_795_000_000_001 }),
      event(2, '', { bytes: new Uint8Array(256).map((_, i) => i) }),
    ];
    await bench.commit(0, [{ channel, events }]);
    await bench.put(channel, 'c');
    await bench.until('two batches', () => observed.batches.length >= 2);
    const { epoch } = await bench.peek();
    same(observed.batches, [
      { epoch, events },
      { epoch, events: [event(3, 'c')] },
    ]);
  });

  it('begins once it has resolved: the next commit is told, one before is not needed', async () => {
    await using bench = await open();
    for (let round = 0; round < 20; round++) {
      const channel = bench.channel();
      const observed = await observe(bench, channel);
      await bench.put(channel, 'a');
      await bench.until('the commit right after', () => observed.text() === 'a');
      observed.close();
    }
  });

  it('tells a channel’s batches in the order of their offsets, without a hole', async () => {
    await using bench = await open({ historyMaxEvents: 5 });
    const [channel, other] = [bench.channel(), bench.channel()];
    const observed = await observe(bench, channel);
    for (let i = 0; i < 50; i++) {
      await bench.put(channel, ...Array.from({ length: 1 + (i % 12) }, (_, n) => `${n % 10}`));
      if (i % 3 === 0) await bench.put(other, 'x');
    }
    const { head } = await bench.bounds(channel);
    const offsets = () => observed.batches.flatMap(({ events }) => events.map(({ offset }) => offset));
    await bench.until('all events', () => offsets().length >= head);
    assert.deepEqual(
      offsets(),
      Array.from({ length: head }, (_, i) => i + 1),
    );
    assert.equal(observed.batches.length, 50, 'also what history had no room for came in one batch a commit');
  });

  it('is of one channel, also among those of one shard and of one commit', async () => {
    await using bench = await open();
    const channels = [bench.channel(0), bench.channel(0), bench.channel(1)] as const;
    const observed = await Promise.all(channels.map((channel) => observe(bench, channel)));
    await bench.commit(0, [
      { channel: channels[0], events: ['a', 'b'] },
      { channel: channels[1], events: ['x'] },
    ]);
    await bench.put(channels[1], 'y');
    await bench.put(channels[2], '1');
    await bench.put(channels[0], 'c');
    const texts = () => observed.map((each) => each.text()).join('|');
    await bench.until('every batch', () => texts().length >= 'ab c|x y|1'.length);
    assert.equal(texts(), 'ab c|x y|1');
  });

  it('tells every observer of a channel', async () => {
    await using bench = await open();
    const channel = bench.channel();
    const early = await Promise.all([observe(bench, channel), observe(bench, channel)]);
    await bench.put(channel, 'a');
    const late = await observe(bench, channel);
    await bench.put(channel, 'b');
    const all = [...early, late];
    await bench.until('the last batch', () => all.every((each) => each.text().endsWith('b')));
    for (const each of early) assert.equal(each.text(), 'a b');
    assert.ok(['b', 'a b'].includes(late.text()));
  });

  it('tells an observer nothing after it was closed, and the others all', async () => {
    await using bench = await open();
    const channel = bench.channel();
    const [closed, stays] = [await observe(bench, channel), await observe(bench, channel)];
    await bench.put(channel, 'a');
    await bench.until('the first batch', () => closed.text() === 'a' && stays.text() === 'a');
    closed.close();
    await bench.put(channel, 'b');
    await bench.until('the second batch', () => stays.text() === 'a b');
    assert.equal(closed.text(), 'a');
    closed.close();
    await bench.put(channel, 'c');
    await bench.until('the third batch', () => stays.text() === 'a b c');
    assert.deepEqual([closed.text(), closed.suspected], ['a', 0]);
  });

  it('begins anew after the last observer has gone', async () => {
    await using bench = await open();
    const channel = bench.channel();
    for (let round = 0; round < 10; round++) {
      const observed = await observe(bench, channel);
      await bench.put(channel, 'a');
      await bench.until(`the batch of round ${round}`, () => observed.text().endsWith('a'));
      observed.close();
      // At once again, while the engine may still be taking the first one's leave.
      const again = await observe(bench, channel);
      await bench.put(channel, 'b');
      await bench.until(`the other batch of round ${round}`, () => again.text().endsWith('b'));
      again.close();
      await bench.put(channel, 'unheard');
    }
  });

  it('may be asked for many channels at once', async () => {
    await using bench = await open();
    const channels = Array.from({ length: 200 }, (_, i) => bench.channel(i % 2));
    const observed = await Promise.all(channels.map((channel) => observe(bench, channel)));
    for (const shard of [0, 1]) {
      const mine = channels.filter((_, i) => i % 2 === shard);
      await bench.commit(
        shard,
        mine.map((channel) => ({ channel, events: [channel] })),
      );
    }
    await bench.until('a batch of each', () => observed.every(({ batches }) => batches.length > 0));
    assert.deepEqual(
      observed.map((each) => each.text()),
      channels,
    );
  });

  it('says nothing for a commit without events', async () => {
    await using bench = await open();
    const channel = bench.channel();
    const observed = await observe(bench, channel);
    await bench.commit(0, [{ channel, seqs: { 'p.1': 1 } }]);
    await bench.put(channel, 'a');
    await bench.commit(0, [{ channel, seqs: { 'p.1': 2 } }]);
    await bench.put(channel, 'b');
    await bench.until('both batches', () => observed.text().endsWith('b'));
    assert.equal(observed.text(), 'a b');
  });
}
