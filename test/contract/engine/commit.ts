/** Contract of an accepted `commit`: what it writes, and what it leaves alone. (What makes it refuse: `refusal.ts`.) */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { ALL, bytesOf, changesOf, event, type Open, plain, same, textOf } from './kit.ts';

export function commitTests(open: Open): void {
  it('gives the first event of a new shard offset 1, and says rev and events as they are now', async () => {
    await using bench = await open();
    const channel = bench.channel();
    const first = await bench.commit(0, [{ channel, events: ['1'] }]);
    assert.deepEqual(first, { kind: 'committed', rev: 1, events: 1, waiting: 0 });
    const second = await bench.commit(0, [{ channel, events: ['2', '3'] }]);
    assert.deepEqual(second, { kind: 'committed', rev: 2, events: 3, waiting: 0 });
    const page = await bench.engine.readHistory(channel, null, ALL);
    same(page, {
      kind: 'events',
      log: { epoch: page.log.epoch, head: 3, base: 0, oldest: 1, forgotten: 0 },
      events: [event(1, '1'), event(2, '2'), event(3, '3')],
    });
  });

  it('starts a new channel after all events its shard ever made, and goes on by one in each channel', async () => {
    await using bench = await open();
    const [a, b] = [bench.channel(), bench.channel()];
    await bench.put(a, '1', '2', '3');
    await bench.put(b, '4');
    await bench.put(a, '5');
    await bench.put(b, '6');
    const { epoch, ...boundsOfA } = await bench.bounds(a);
    assert.deepEqual(boundsOfA, { head: 4, base: 0, oldest: 1, forgotten: 0 });
    assert.deepEqual(await bench.bounds(b), { epoch, head: 5, base: 3, oldest: 4, forgotten: 0 });
    assert.equal((await bench.peek()).events, 6);
  });

  it('starts all channels that are new in one commit at the same offset', async () => {
    await using bench = await open();
    const [before, a, b] = [bench.channel(), bench.channel(), bench.channel()];
    await bench.put(before, '1', '2');
    const outcome = await bench.commit(0, [
      { channel: a, events: ['3', '4'] },
      { channel: b, events: ['5'] },
      { channel: before, events: ['6'] },
    ]);
    assert.deepEqual(outcome, { kind: 'committed', rev: 2, events: 6, waiting: 0 });
    const bounds = await Promise.all([a, b, before].map((channel) => bench.bounds(channel)));
    assert.deepEqual(
      bounds.map(({ base, oldest, head }) => [base, oldest, head]),
      [
        [2, 3, 4],
        [2, 3, 3],
        [0, 1, 3],
      ],
    );
  });

  it('keeps every field of an event as it was, and each of the 256 byte values', async () => {
    await using bench = await open({ historyMaxEvents: 1_000 });
    const channel = bench.channel();
    const from = `${'n'.repeat(40)}.${'0'.repeat(40)}`;
    const events = [
      event(1, 'x', { from, seq: Number.MAX_SAFE_INTEGER, atMs: 8_640_000_000_000_000 }),
      event(2, 'x', { from: 'a.b', seq: 2 ** 32, atMs: 0 }),
      event(3, '', { bytes: new Uint8Array(65_536).map((_, i) => i) }),
      ...Array.from({ length: 256 }, (_, value) => event(4 + value, '', { bytes: Uint8Array.of(value) })),
    ];
    await bench.commit(0, [{ channel, events }]);
    const page = await bench.engine.readHistory(channel, null, ALL);
    same(page.kind === 'events' && page.events, events);
  });

  it('takes exactly its entries from the inbox, the oldest, and changes appended since the peek stay', async () => {
    await using bench = await open();
    const channel = bench.channel();
    await bench.append(channel, '1', '2', '3');
    const commit = await bench.draft(0, [{ channel, events: ['1', '2'] }], { entries: 2 });
    await bench.append(channel, '4', '5');
    const outcome = await bench.engine.commit(0, commit);
    assert.deepEqual(outcome, { kind: 'committed', rev: 1, events: 2, waiting: 3 });
    const peek = await bench.peek();
    assert.deepEqual(changesOf(peek).map(textOf), ['3', '4', '5']);
    assert.equal(peek.waiting, 3);
    await bench.commit(0, [], { entries: 3 });
    assert.deepEqual((await bench.peek()).entries, []);
  });

  it('may make no event of the entries it takes; seqs are remembered all the same', async () => {
    await using bench = await open();
    const channel = bench.channel();
    await bench.append(channel, '1', '2');
    const outcome = await bench.commit(0, [{ channel, seqs: { 'p.1': 2 } }], { entries: 2 });
    assert.deepEqual(outcome, { kind: 'committed', rev: 1, events: 0, waiting: 0 });
    const { channels } = await bench.engine.load(0, [{ channel, froms: ['p.1'], withState: true }]);
    same(channels, [{ head: null, reducer: null, state: new Map(), seqs: [2] }]);
    assert.deepEqual(await bench.texts(channel), []);
    assert.deepEqual((await bench.peek()).entries, []);
    await bench.put(channel, '3');
    assert.deepEqual(await bench.texts(channel), ['3']);
  });

  it('counts as a commit when it does nothing at all', async () => {
    await using bench = await open();
    assert.deepEqual(await bench.commit(0, []), { kind: 'committed', rev: 1, events: 0, waiting: 0 });
    assert.equal((await bench.peek()).rev, 1);
  });

  it('replaces the seq of a publisher that was heard of again, in its own channel', async () => {
    await using bench = await open();
    const [a, b] = [bench.channel(), bench.channel()];
    const seqs = async () => {
      const wishes = [a, b].map((channel) => ({ channel, froms: ['p.1', 'q.1'], withState: false }));
      return (await bench.engine.load(0, wishes)).channels.map((loaded) => loaded.seqs);
    };
    await bench.commit(0, [
      { channel: a, events: ['1'], seqs: { 'p.1': 1, 'q.1': 10 } },
      { channel: b, events: ['2'], seqs: { 'p.1': 7 } },
    ]);
    await bench.commit(0, [{ channel: a, events: ['3'], seqs: { 'p.1': 2 } }]);
    assert.deepEqual(await seqs(), [
      [2, 10],
      [7, 0],
    ]);
  });

  it('trims history to `historyMaxEvents`, also when one commit alone exceeds it', async () => {
    await using bench = await open({ historyMaxEvents: 4 });
    const [a, b] = [bench.channel(), bench.channel()];
    await bench.put(a, '1', '2', '3');
    assert.deepEqual(await bench.texts(a), ['1', '2', '3']);
    await bench.put(a, '4', '5', '6');
    assert.deepEqual(await bench.texts(a), ['3', '4', '5', '6']);
    const { epoch, ...bounds } = await bench.bounds(a);
    assert.deepEqual(bounds, { head: 6, base: 0, oldest: 3, forgotten: 0 });
    await bench.put(b, ...'abcdefghij');
    assert.deepEqual(await bench.texts(b), ['g', 'h', 'i', 'j']);
    assert.deepEqual(await bench.bounds(b), { epoch, head: 16, base: 6, oldest: 13, forgotten: 0 });
  });

  it('touches no other shard and no other channel', async () => {
    await using bench = await open();
    const [a, other, far] = [bench.channel(), bench.channel(), bench.channel(1)];
    const state = new Map([['f', { offset: 1, bytes: bytesOf('v') }]]);
    await bench.commit(0, [{ channel: other, events: ['1'], reducer: 'latest', state, seqs: { 'p.1': 1 } }]);
    await bench.append(far, 'waiting');
    await bench.put(far, '1');
    const near = async () => [await bench.engine.readHistory(other, null, ALL), await bench.engine.readState(other)];
    const before = plain([await near(), await bench.everything(1, [far], ['p.1'])]);
    await bench.commit(0, [{ channel: a, events: ['x'], reducer: 'tally', state, seqs: { 'p.1': 9 } }]);
    assert.deepEqual(plain([await near(), await bench.everything(1, [far], ['p.1'])]), before);
    const { channels } = await bench.engine.load(0, [{ channel: other, froms: ['p.1'], withState: true }]);
    same(channels, [{ head: 1, reducer: 'latest', state, seqs: [1] }]);
  });

  it('sets entries aside as told, and the shard goes on', async () => {
    await using bench = await open();
    const channel = bench.channel();
    await bench.append(channel, '1', '2');
    const unreadable = [bytesOf('bad'), Uint8Array.of(0xff, 0, 0xc1), new Uint8Array(0)];
    await bench.commit(0, [{ channel, events: ['1'] }], { entries: 1, unreadable });
    await bench.commit(0, [{ channel, events: ['2'] }], { entries: 1 });
    assert.deepEqual(await bench.texts(channel), ['1', '2']);
  });

  it('takes as many channels, events and publishers as one peek can bring', async () => {
    await using bench = await open({ historyMaxEvents: 5_000 });
    const channels = Array.from({ length: 512 }, () => bench.channel());
    const texts = Array.from({ length: 4_000 }, (_, i) => `${i}`);
    const seqs = Object.fromEntries(Array.from({ length: 4_000 }, (_, i) => [`p${i}.1`, i + 1]));
    const state = new Map(Array.from({ length: 4_000 }, (_, i) => [`f${i}`, { offset: i + 1, bytes: bytesOf('v') }]));
    await bench.commit(0, [{ channel: channels[0]!, events: texts, reducer: 'latest', state, seqs }]);
    await bench.commit(
      0,
      channels.map((channel) => ({ channel, events: ['x'], seqs: { 'p.1': 1 } })),
    );
    assert.deepEqual(await bench.texts(channels[0]!), [...texts, 'x']);
    assert.equal((await bench.engine.readState(channels[0]!)).state.size, 4_000);
    for (const channel of channels.slice(1)) assert.equal((await bench.bounds(channel)).head, 4_001);
  });
}
