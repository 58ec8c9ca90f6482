/** Contract of `sweep`: what was not used for long enough is forgotten, a little at a time, by the lease's holder. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Channel } from '../../../src/domain/channel.ts';
import type { SweepOutcome } from '../../../src/engine/engine.ts';
import { ALL, type Bench, bytesOf, type Open, same, TOKEN } from './kit.ts';

type Swept = Extract<SweepOutcome, { kind: 'swept' }>;

/** How many were forgotten. */
interface Counts {
  readonly channels: number;
  readonly publishers: number;
}

export function sweepTests(open: Open): void {
  async function sweepWhole(bench: Bench, limit = ALL): Promise<Swept> {
    const outcome = await bench.engine.sweep(0, TOKEN, limit);
    return outcome.kind === 'swept' ? outcome : assert.fail('the lease should be ours');
  }

  async function sweep(bench: Bench, limit = ALL): Promise<Counts> {
    const { channels, publishers } = await sweepWhole(bench, limit);
    return { channels: channels.length, publishers: publishers.length };
  }

  async function load(bench: Bench, channel: Channel, ...froms: string[]) {
    return (await bench.engine.load(0, [{ channel, froms, withState: true }])).channels[0]!;
  }

  /** Sweeps until something was forgotten. */
  async function firstSweep(bench: Bench, limit = ALL): Promise<Counts> {
    let swept: Counts | undefined;
    await bench.until('a sweep that forgets something', async () => {
      swept = await sweep(bench, limit);
      return swept.channels + swept.publishers > 0;
    });
    return swept!;
  }

  it('forgets nothing that was used of late, and then is no commit', async () => {
    await using bench = await open();
    const channel = bench.channel();
    await bench.commit(0, [{ channel, events: ['a'], seqs: { 'p.1': 1 } }]);
    const before = await bench.everything(0, [channel], ['p.1']);
    assert.deepEqual(await sweep(bench), { channels: 0, publishers: 0 });
    assert.deepEqual(await bench.everything(0, [channel], ['p.1']), before);
  });

  it('is refused for all but the holder of the lease', async () => {
    await using bench = await open({ channelIdleMs: 0, dedupeTtlMs: 0 });
    const channel = bench.channel();
    await bench.commit(0, [{ channel, events: ['a'] }]);
    await bench.pass(10);
    const before = await bench.everything(0, [channel], []);
    assert.deepEqual(await bench.engine.sweep(0, 'stranger', ALL), { kind: 'refused', reason: 'lease' });
    assert.deepEqual(await bench.everything(0, [channel], []), before);
    await bench.engine.release(0, TOKEN);
    assert.deepEqual(await bench.engine.sweep(0, TOKEN, ALL), { kind: 'refused', reason: 'lease' });
    assert.deepEqual(await bench.engine.sweep(1, TOKEN, ALL), { kind: 'refused', reason: 'lease' });
  });

  it('forgets a channel without a new event for `channelIdleMs`, and counts as a commit', async () => {
    await using bench = await open({ channelIdleMs: 50 });
    const channel = bench.channel();
    const state = new Map([['f', { offset: 1, bytes: bytesOf('v') }]]);
    await bench.commit(0, [{ channel, events: ['a'], reducer: 'latest', state, seqs: { 'p.1': 1 } }]);
    const commit = await bench.draft(0, [{ channel, events: ['b'], reducer: 'latest' }]);
    assert.deepEqual(await firstSweep(bench), { channels: 1, publishers: 0 });
    const { rev, events } = await bench.peek();
    assert.deepEqual([rev, events], [2, 2], 'and the position after its last one is nobody’s');
    same(await load(bench, channel), { head: null, reducer: null, state: new Map(), seqs: [] });
    assert.deepEqual(await bench.texts(channel), []);
    assert.deepEqual(await bench.engine.commit(0, commit), { kind: 'refused', reason: 'rev' });
    assert.deepEqual(await sweep(bench), { channels: 0, publishers: 0 });
    assert.equal((await bench.peek()).rev, 2);
  });

  it('does not take a commit without events for a new event', async () => {
    await using bench = await open({ channelIdleMs: 50 });
    const channel = bench.channel();
    await bench.put(channel, 'a');
    let seq = 0;
    await bench.until('the channel to be forgotten in spite of commits without events', async () => {
      await bench.commit(0, [{ channel, seqs: { 'p.1': ++seq } }]);
      return (await sweep(bench)).channels === 1;
    });
  });

  it('spares a channel that had a new event since', async () => {
    await using bench = await open({ channelIdleMs: 400 });
    const [quiet, busy] = [bench.channel(), bench.channel()];
    await bench.put(busy, 'a');
    await bench.put(quiet, 'b');
    let forgotten = 0;
    await bench.until('the quiet channel to be forgotten', async () => {
      await bench.put(busy, 'x');
      forgotten += (await sweep(bench)).channels;
      return (await load(bench, quiet)).head === null;
    });
    assert.equal(forgotten, 1);
    assert.notEqual((await load(bench, busy)).head, null);
  });

  it('forgets publishers unheard of for `dedupeTtlMs`, and counts as a commit', async () => {
    await using bench = await open({ dedupeTtlMs: 50 });
    const [a, b] = [bench.channel(), bench.channel()];
    await bench.commit(0, [
      { channel: a, events: ['a'], seqs: { 'p.1': 1, 'q.1': 2 } },
      { channel: b, events: ['b'], seqs: { 'p.1': 3 } },
    ]);
    let publishers = 0;
    await bench.until('all three to be forgotten', async () => {
      const swept = await sweep(bench);
      assert.equal(swept.channels, 0);
      publishers += swept.publishers;
      return publishers >= 3;
    });
    assert.equal(publishers, 3);
    assert.ok((await bench.peek()).rev > 1);
    assert.deepEqual((await load(bench, a, 'p.1', 'q.1')).seqs, [0, 0]);
    assert.deepEqual((await load(bench, b, 'p.1')).seqs, [0]);
    assert.deepEqual(await bench.texts(a), ['a']);
  });

  it('remembers a publisher from when it was last heard of', async () => {
    await using bench = await open({ dedupeTtlMs: 400 });
    const channel = bench.channel();
    await bench.commit(0, [{ channel, seqs: { 'busy.1': 1, 'quiet.1': 1 } }]);
    let seq = 1;
    await bench.until('the quiet publisher to be forgotten', async () => {
      await bench.commit(0, [{ channel, seqs: { 'busy.1': ++seq } }]);
      await sweep(bench);
      return (await load(bench, channel, 'quiet.1')).seqs[0] === 0;
    });
    assert.deepEqual((await load(bench, channel, 'busy.1')).seqs, [seq]);
  });

  it('remembers publishers of a forgotten channel until their own time has come', async () => {
    await using bench = await open({ channelIdleMs: 50 });
    const channel = bench.channel();
    await bench.commit(0, [{ channel, events: ['a'], seqs: { 'p.1': 7 } }]);
    await bench.forget(channel);
    same(await load(bench, channel, 'p.1'), { head: null, reducer: null, state: new Map(), seqs: [7] });
    await bench.put(channel, 'b');
    assert.deepEqual((await load(bench, channel, 'p.1')).seqs, [7]);
  });

  it('forgets publishers of a channel that was forgotten before them', async () => {
    await using bench = await open({ channelIdleMs: 50, dedupeTtlMs: 150 });
    const channel = bench.channel();
    await bench.commit(0, [{ channel, events: ['a'], seqs: { 'p.1': 7 } }]);
    await bench.until('both to be forgotten', async () => {
      await sweep(bench);
      const { head, seqs } = await load(bench, channel, 'p.1');
      return head === null && seqs[0] === 0;
    });
  });

  it('forgets at most `limit` of each in one call', async () => {
    await using bench = await open({ channelIdleMs: 50, dedupeTtlMs: 50 });
    const channels = Array.from({ length: 5 }, () => bench.channel());
    await bench.commit(
      0,
      channels.map((channel) => ({ channel, events: ['x'], seqs: { 'p.1': 1, 'q.1': 1 } })),
    );
    await bench.pass(100);
    const sweeps: number[][] = [];
    for (let i = 0; i < 6; i++) {
      const { channels: gone, publishers } = await sweep(bench, 2);
      sweeps.push([gone, publishers]);
    }
    assert.deepEqual(sweeps, [
      [2, 2],
      [2, 2],
      [1, 2],
      [0, 2],
      [0, 2],
      [0, 0],
    ]);
    assert.equal((await bench.peek()).rev, 1 + 5);
  });

  it('says what it forgot, and where the shard stands then', async () => {
    await using bench = await open({ channelIdleMs: 50, dedupeTtlMs: 50 });
    const [a, b] = [bench.channel(), bench.channel()];
    await bench.commit(0, [
      { channel: a, events: ['a'], seqs: { 'p.1': 1, 'q.1': 2 } },
      { channel: b, events: ['b', 'c'] },
    ]);
    const nothing = await sweepWhole(bench);
    if (nothing.channels.length + nothing.publishers.length === 0)
      assert.deepEqual([nothing.rev, nothing.events], [1, 3]);
    const channels = [...nothing.channels];
    const publishers = [...nothing.publishers];
    await bench.until('all to be forgotten', async () => {
      const swept = await sweepWhole(bench);
      channels.push(...swept.channels);
      publishers.push(...swept.publishers);
      const { rev, events } = await bench.peek();
      assert.deepEqual([swept.rev, swept.events], [rev, events]);
      return channels.length + publishers.length === 4;
    });
    assert.deepEqual(channels.sort(), [a, b].sort());
    assert.deepEqual(publishers.map(([channel, from]) => [channel, from]).sort(), [
      [a, 'p.1'],
      [a, 'q.1'],
    ]);
  });

  it('forgets in its own shard alone', async () => {
    await using bench = await open({ channelIdleMs: 50 });
    const [near, far] = [bench.channel(0), bench.channel(1)];
    await bench.put(near, 'a');
    await bench.put(far, 'b');
    await bench.forget(near);
    await bench.pass(60);
    assert.deepEqual(await bench.texts(far), ['b']);
    assert.equal((await bench.peek(1)).rev, 1);
  });
}
