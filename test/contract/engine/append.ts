/** Contract of `append` and `watch`: what is accepted, in what order, how much of it, and who is told. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Change } from '../../../src/domain/change.ts';
import type { Found } from '../../../src/engine/engine.ts';
import { change, changesOf, type Open, same, textOf } from './kit.ts';

/** Appends changes of 1,000 bytes until one is refused; how many were taken. */
async function fill(append: (change: Change) => Promise<string>, channel: string): Promise<number> {
  for (let taken = 0; taken < 1_000; taken++) {
    const outcome = await append(change(channel, 'x'.repeat(1_000)));
    if (outcome === 'full') return taken;
  }
  assert.fail('the inbox never became full');
}

export function appendTests(open: Open): void {
  it('keeps the order of a call, and of calls that follow each other', async () => {
    await using bench = await open();
    const [a, b] = [bench.channel(), bench.channel()];
    const outcomes = await bench.engine.append([change(a, '1'), change(b, '2'), change(a, '3')]);
    assert.deepEqual(outcomes, ['accepted', 'accepted', 'accepted']);
    await bench.append(b, '4');
    await bench.append(a, '5', '6');
    assert.deepEqual(changesOf(await bench.peek()).map(textOf), ['1', '2', '3', '4', '5', '6']);
  });

  it('sorts the changes of one call by their shards, each in order', async () => {
    await using bench = await open({ shards: 3 });
    const channels = [bench.channel(0), bench.channel(1), bench.channel(2)];
    const changes = Array.from({ length: 30 }, (_, i) => change(channels[(i * i) % 3]!, String(i)));
    const outcomes = await bench.engine.append(changes);
    assert.deepEqual(outcomes, Array(30).fill('accepted'));
    for (const [shard, channel] of channels.entries()) {
      const expected = changes.filter((each) => each.channel === channel);
      same(changesOf(await bench.peek(shard)), expected);
    }
  });

  it('gives back every field as it was, at the bounds of each', async () => {
    await using bench = await open();
    const channel = bench.channel();
    const from = `${'n'.repeat(40)}.${'0'.repeat(40)}`;
    const changes = [
      change(channel, 'x'),
      change(channel, 'x', { from, seq: Number.MAX_SAFE_INTEGER, acceptedMs: 8_640_000_000_000_000 }),
      change(channel, 'x', { from: 'a.b', seq: 2 ** 32, acceptedMs: 0 }),
      change(channel, 'x', { from: 'a.b', seq: 1, bytes: new Uint8Array(65_536).fill(0xc1) }),
      change(channel, '', { bytes: new Uint8Array(2_048).map((_, i) => i) }),
    ];
    await bench.engine.append(changes);
    same(changesOf(await bench.peek()), changes);
  });

  it('takes each of the 256 byte values as a change of its own', async () => {
    await using bench = await open();
    const channel = bench.channel();
    const changes = Array.from({ length: 256 }, (_, value) => change(channel, '', { bytes: Uint8Array.of(value) }));
    await bench.engine.append(changes);
    same(changesOf(await bench.peek()), changes);
  });

  it('takes 1,000 changes in one call, and calls that run side by side', async () => {
    await using bench = await open();
    const channels = [bench.channel(0), bench.channel(1)];
    const text = (call: number, i: number) => `${call}.${i}`;
    const calls = Array.from({ length: 5 }, (_, call) =>
      bench.engine.append(Array.from({ length: 1_000 }, (_, i) => change(channels[i % 2]!, text(call, i)))),
    );
    for (const outcomes of await Promise.all(calls)) assert.deepEqual(outcomes, Array(1_000).fill('accepted'));
    for (const shard of [0, 1]) {
      const entries = changesOf(await bench.peek(shard)).map(textOf);
      assert.equal(entries.length, 2_500);
      for (let call = 0; call < 5; call++) {
        const expected = Array.from({ length: 500 }, (_, i) => text(call, 2 * i + shard));
        assert.deepEqual(
          entries.filter((each) => each.startsWith(`${call}.`)),
          expected,
        );
      }
    }
  });

  it('is full at `inboxMaxEntries`, keeps nothing of what it refused, and takes more when there is room', async () => {
    await using bench = await open({ inboxMaxEntries: 4 });
    const channel = bench.channel();
    assert.deepEqual(await bench.append(channel, '1', '2', '3'), ['accepted', 'accepted', 'accepted']);
    assert.deepEqual(await bench.append(channel, '4'), ['accepted']);
    assert.deepEqual(await bench.append(channel, '5'), ['full']);
    assert.deepEqual(await bench.append(channel, '6', '7'), ['full', 'full']);
    assert.deepEqual(changesOf(await bench.peek()).map(textOf), ['1', '2', '3', '4']);
    await bench.commit(0, [], { entries: 1 });
    assert.deepEqual(await bench.append(channel, '8'), ['accepted']);
    assert.deepEqual(await bench.append(channel, '9'), ['full']);
    assert.deepEqual(changesOf(await bench.peek()).map(textOf), ['2', '3', '4', '8']);
  });

  it('takes all or none of the changes of one call that share a shard', async () => {
    await using bench = await open({ inboxMaxEntries: 4 });
    const channels = [bench.channel(), bench.channel()] as const;
    await bench.append(channels[0], '1', '2', '3');
    const outcomes = await bench.engine.append([change(channels[0], '4'), change(channels[1], '5')]);
    const kept = changesOf(await bench.peek()).map(textOf);
    assert.equal(new Set(outcomes).size, 1, `${outcomes}`);
    assert.deepEqual(kept, outcomes[0] === 'full' ? ['1', '2', '3'] : ['1', '2', '3', '4', '5']);
  });

  it('refuses for a full shard alone, with the outcomes in the order of the changes', async () => {
    await using bench = await open({ inboxMaxEntries: 2 });
    const [full, free] = [bench.channel(0), bench.channel(1)];
    await bench.append(full, '1', '2');
    const outcomes = await bench.engine.append([change(full, '3'), change(free, '4'), change(full, '5')]);
    assert.deepEqual(outcomes, ['full', 'accepted', 'full']);
    assert.deepEqual(changesOf(await bench.peek(0)).map(textOf), ['1', '2']);
    assert.deepEqual(changesOf(await bench.peek(1)).map(textOf), ['4']);
  });

  it('is full at about `inboxMaxBytes`, however often the inbox was filled and emptied before', async () => {
    await using bench = await open({ inboxMaxBytes: 20_000 });
    const channel = bench.channel();
    const append = async (one: Change) => (await bench.engine.append([one]))[0]!;
    for (let round = 0; round < 5; round++) {
      const taken = await fill(append, channel);
      assert.ok(taken >= 10 && taken <= 21, `${taken} changes of 1,000 bytes in round ${round}`);
      assert.equal((await bench.peek()).entries.length, taken);
      await bench.commit(0, [], { entries: taken });
    }
    const small = await bench.append(channel, 'x');
    assert.deepEqual(small, ['accepted']);
  });

  it('is full at about `inboxMaxBytes` also when a few large changes make it so', async () => {
    await using bench = await open({ inboxMaxBytes: 4 << 20 });
    const large = change(bench.channel(), '', { bytes: Buffer.alloc(256 << 10, 1) });
    let taken = 0;
    while ((await bench.engine.append([large]))[0] === 'accepted') taken++;
    assert.ok(taken >= 14 && taken <= 18, `${taken} changes of 256 KiB`);
  });

  it('keeps the bytes as they were when it was called', async () => {
    await using bench = await open();
    const channel = bench.channel();
    const chunk = Buffer.from('before');
    const appended = bench.engine.append([change(channel, '', { bytes: chunk.subarray(2, 4) })]);
    chunk.fill(0);
    await appended;
    assert.deepEqual(changesOf(await bench.peek()).map(textOf), ['fo']);
  });

  it('tells watchers of every inbox that was empty before', async () => {
    await using bench = await open();
    const channels = [bench.channel(0), bench.channel(1)] as const;
    const woken: number[] = [];
    const also: number[] = [];
    await bench.engine.watch((shard) => void woken.push(shard));
    await bench.engine.watch((shard) => void also.push(shard));
    await bench.engine.append([change(channels[0], '1'), change(channels[1], '2')]);
    await bench.until('a wake of both shards', () => [woken, also].every((w) => w.includes(0) && w.includes(1)));

    await bench.peek(1);
    await bench.commit(1, [], { entries: 1 });
    const before = woken.filter((shard) => shard === 1).length;
    await bench.append(channels[1], '3');
    await bench.until('a wake of the emptied shard', () => woken.filter((shard) => shard === 1).length > before);
  });

  it('tells watchers nothing else than a peek says, if it tells what it found', async () => {
    await using bench = await open();
    const channel = bench.channel();
    const told: (Found | null)[] = [];
    for (const texts of [['1', '2'], ['3']]) {
      const { rev, epoch } = await bench.peek();
      await bench.engine.watch((_shard, found) => void told.push(found));
      const before = told.length;
      await bench.append(channel, ...texts);
      await bench.until('a wake', () => told.length > before);
      for (const found of told.splice(0)) {
        if (found !== null) same(found, { rev, epoch, entries: (await bench.peek()).entries });
      }
      await bench.commit(0, [], { entries: texts.length });
    }
  });

  it('does not call a watcher that was closed', async () => {
    await using bench = await open();
    const closed: number[] = [];
    const open_: number[] = [];
    const subscription = await bench.engine.watch((shard) => void closed.push(shard));
    await bench.engine.watch((shard) => void open_.push(shard));
    subscription.close();
    await bench.append(bench.channel(), 'x');
    await bench.until('a wake', () => open_.length > 0);
    assert.deepEqual(closed, []);
  });
}
