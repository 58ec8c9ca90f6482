/** Contract of `archiving.ts`: what is not archived is told, is neither trimmed nor forgotten, and is not more than may be. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Channel } from '../../../src/domain/channel.ts';
import { ALL, type Bench, bytesOf, event, type Open, same, TOKEN } from './kit.ts';

const BACKLOG_MAX_BYTES = 1_000_000;

export function archivingTests(open: Open): void {
  /** Says up to where these are archived, in the epoch as it is; all of the shard, if that is said. */
  async function mark(
    { engine }: Bench,
    offsets: readonly (readonly [Channel, number])[],
    { rev = 0, backlogMaxBytes = BACKLOG_MAX_BYTES } = {},
  ): Promise<boolean> {
    const { epoch } = await engine.readUnarchived(0, ALL, 1);
    const marks = offsets.map(([channel, offset]) => ({ channel, from: 1, offset }));
    return engine.markArchived(0, { epoch, rev, marks, backlogMaxBytes });
  }

  async function backlogBytes({ engine }: Bench): Promise<number> {
    return (await engine.readUnarchived(0, ALL, 1)).backlogBytes;
  }

  it('tells channels in the order of their last events, from a `rev` on', async () => {
    await using bench = await open();
    const [a, b, c] = [bench.channel(), bench.channel(), bench.channel()];
    await bench.put(a, '1');
    await bench.put(b, '2');
    await bench.put(c, '3');
    await bench.put(a, '4');
    await bench.append(c, 'waits');
    const all = await bench.engine.readUnarchived(0, 0, 250);
    const { epoch, rev } = await bench.peek();
    same(all, {
      ...{ epoch, rev, events: 4, waiting: 1, backlogBytes: 0, isArchived: false },
      channels: [
        { channel: b, rev: 2 },
        { channel: c, rev: 3 },
        { channel: a, rev: 4 },
      ],
    });
    same((await bench.engine.readUnarchived(0, 2, 250)).channels, all.channels.slice(1));
    same((await bench.engine.readUnarchived(0, 0, 1)).channels, all.channels.slice(0, 1));
    same((await bench.engine.readUnarchived(0, 4, 250)).channels, []);
    same((await bench.engine.readUnarchived(1, 0, 250)).channels, []);
  });

  it('begins with the first mark: before it histories are trimmed as ever', async () => {
    await using bench = await open({ historyMaxEvents: 2 });
    const channel = bench.channel();
    await bench.put(channel, '1', '2', '3');
    assert.deepEqual(await bench.texts(channel), ['2', '3']);
    assert.equal(await mark(bench, []), true);
    await bench.put(channel, '4', '5');
    assert.deepEqual(await bench.texts(channel), ['2', '3', '4', '5']);
    assert.equal((await bench.bounds(channel)).oldest, 2);
  });

  it('is for each shard by itself', async () => {
    await using bench = await open({ historyMaxEvents: 1 });
    await mark(bench, []);
    const other = bench.channel(1);
    await bench.put(other, '1', '2');
    assert.deepEqual(await bench.texts(other), ['2']);
  });

  it('trims in a mark what was kept for it, and no more', async () => {
    await using bench = await open({ historyMaxEvents: 2 });
    const channel = bench.channel();
    await mark(bench, []);
    await bench.put(channel, '1', '2', '3', '4', '5');
    await mark(bench, [[channel, 2]]);
    assert.deepEqual(await bench.texts(channel), ['3', '4', '5']);
    await mark(bench, [[channel, 5]]);
    assert.deepEqual(await bench.texts(channel), ['4', '5']);
  });

  it('trims in a commit what is archived, and no more', async () => {
    await using bench = await open({ historyMaxEvents: 2 });
    const channel = bench.channel();
    await mark(bench, []);
    await bench.put(channel, '1', '2');
    await mark(bench, [[channel, 1]]);
    await bench.put(channel, '3', '4');
    assert.deepEqual(await bench.texts(channel), ['2', '3', '4']);
  });

  it('never moves a mark back, nor further than the head', async () => {
    await using bench = await open({ historyMaxEvents: 1 });
    const channel = bench.channel();
    await mark(bench, []);
    await bench.put(channel, '1', '2', '3');
    await mark(bench, [[channel, 2]]);
    await mark(bench, [[channel, 1]]);
    assert.deepEqual(await bench.texts(channel), ['3']);
    await mark(bench, [[channel, 9]]);
    await bench.put(channel, '4', '5');
    assert.deepEqual(await bench.texts(channel), ['4', '5']);
  });

  it('marks nothing in another epoch', async () => {
    await using bench = await open({ historyMaxEvents: 1 });
    const channel = bench.channel();
    await bench.put(channel, '0');
    const { epoch } = await bench.peek();
    await mark(bench, []);
    await bench.put(channel, '1', '2');
    await bench.engine.renew(0, epoch, { kind: 'event', channel, event: event(2, 'another') });
    const late = { epoch, rev: 0, marks: [{ channel, from: 1, offset: 3 }], backlogMaxBytes: BACKLOG_MAX_BYTES };
    assert.equal(await bench.engine.markArchived(0, late), false);
    assert.deepEqual(await bench.texts(channel), ['0', '1', '2'].slice(-3));
  });

  it('marks nothing of a channel that does not exist', async () => {
    await using bench = await open({ historyMaxEvents: 1 });
    const channel = bench.channel();
    await bench.put(bench.channel(), 'x');
    assert.equal(await mark(bench, [[channel, 5]]), true);
    assert.equal((await bench.engine.load(0, [{ channel, froms: [], withState: true }])).channels[0]!.head, null);
    await bench.put(channel, '1', '2');
    assert.deepEqual(await bench.texts(channel), ['1', '2'], 'and it is no mark of the channel that comes');
  });

  it('keeps a silent channel until it is archived', async () => {
    await using bench = await open({ channelIdleMs: 20 });
    const [kept, other] = [bench.channel(), bench.channel()];
    await mark(bench, []);
    await bench.put(kept, '1');
    await bench.put(other, '2');
    await mark(bench, [[other, 2]]);
    await bench.forget(other);
    assert.deepEqual(await bench.texts(kept), ['1']);
    await mark(bench, [[kept, 1]]);
    await bench.forget(kept);
  });

  /** Looks for what is to be forgotten until a log keeps no more than its last event. */
  async function untilItRests(bench: Bench, channel: Channel): Promise<void> {
    await bench.peek();
    await bench.until(`${channel} to rest`, async () => {
      await bench.engine.sweep(0, TOKEN, ALL);
      const { oldest, head } = await bench.bounds(channel);
      return oldest === head;
    });
  }

  it('keeps of a silent channel the last event, its state and its place, where the archive is to keep it for longer', async () => {
    await using bench = await open({ channelIdleMs: 20, keptMs: () => Number.POSITIVE_INFINITY });
    const channel = bench.channel();
    await mark(bench, []);
    const state = new Map([['f', { offset: 3, bytes: bytesOf('v') }]]);
    await bench.put(channel, '1', '2');
    await bench.commit(0, [{ channel, events: ['3'], reducer: 'latest', state, seqs: { 'p.1': 7 } }]);
    await mark(bench, [[channel, 3]]);
    const [before, { rev }] = [await bench.bounds(channel), await bench.peek()];
    await untilItRests(bench, channel);
    assert.deepEqual(await bench.bounds(channel), { ...before, oldest: 3 });
    assert.equal((await bench.peek()).rev, rev, 'which is no commit');
    assert.deepEqual(await bench.texts(channel), ['3']);
    assert.deepEqual([...(await bench.engine.readState(channel)).state.keys()], ['f']);
    const gap = await bench.engine.readHistory(channel, { epoch: before.epoch, offset: 0 }, ALL);
    assert.equal(gap.kind === 'gap' && gap.reason, 'trimmed', 'and is behind the store, as ever');
    await bench.put(channel, '4');
    assert.deepEqual(await bench.texts(channel), ['3', '4']);
  });

  it('forgets it once that time is over, too, and at once where the shard is not archived', async () => {
    await using bench = await open({ channelIdleMs: 20, keptMs: () => 60 });
    const [early, late] = [bench.channel(), bench.channel()];
    await bench.put(early, '1', '2');
    await bench.forget(early);
    await mark(bench, []);
    await bench.put(late, '1', '2');
    await mark(bench, [[late, (await bench.bounds(late)).head]]);
    await untilItRests(bench, late);
    await bench.forget(late);
  });

  it('comes to those behind the ones that stay, though it looks at few at a time', async () => {
    const kept: Channel[] = [];
    const keptMs = (channel: Channel) => (kept.includes(channel) ? Number.POSITIVE_INFINITY : 0);
    await using bench = await open({ channelIdleMs: 20, keptMs });
    await mark(bench, []);
    for (let i = 0; i < 5; i++) kept.push(bench.channel());
    const others = [bench.channel(), bench.channel()];
    const all = [...kept.slice(0, 3), others[0]!, ...kept.slice(3), others[1]!];
    for (const channel of all) await bench.put(channel, '1', '2');
    const heads = await Promise.all(all.map((channel) => bench.bounds(channel)));
    await mark(
      bench,
      all.map((channel, i) => [channel, heads[i]!.head] as const),
    );
    await bench.peek();
    const gone: Channel[] = [];
    await bench.until('both to be forgotten', async () => {
      const swept = await bench.engine.sweep(0, TOKEN, 2);
      if (swept.kind === 'swept') gone.push(...swept.channels);
      return gone.length === 2;
    });
    assert.deepEqual(gone, others);
    for (const channel of kept) await untilItRests(bench, channel);
    kept.splice(0);
    for (const channel of all) if (!others.includes(channel)) await bench.forget(channel);
  });

  it('weighs what is not archived, and nothing once all is', async () => {
    await using bench = await open();
    const channel = bench.channel();
    await mark(bench, []);
    assert.equal(await backlogBytes(bench), 0);
    await bench.put(channel, 'x'.repeat(10_000), 'x'.repeat(10_000));
    const both = await backlogBytes(bench);
    assert.ok(both >= 20_000 && both < 21_000, `${both}`);
    await mark(bench, [[channel, 1]]);
    await mark(bench, [[channel, 1]]);
    assert.equal(await backlogBytes(bench), Math.floor(both / 2), 'a repetition counts once');
    const { rev } = await bench.peek();
    await mark(bench, [], { rev });
    assert.equal(await backlogBytes(bench), 0);
  });

  it('takes no changes with too large a backlog, and makes no events with one a quarter larger', async () => {
    await using bench = await open();
    const channel = bench.channel();
    const backlogMaxBytes = 10_000;
    await mark(bench, [], { backlogMaxBytes });
    await bench.put(channel, 'x'.repeat(9_000));
    assert.deepEqual(await bench.append(channel, 'y'), ['accepted']);
    await bench.put(channel, 'x'.repeat(1_000));
    // Where the shards are apart a bucket knows nothing of them but their inboxes.
    if (!bench.engine.shardsFailApart) assert.deepEqual(await bench.append(channel, 'z'), ['full']);
    await bench.put(channel, 'x'.repeat(2_500));
    const { rev } = await bench.peek();
    const commit = await bench.draft(0, [{ channel, events: ['more'] }]);
    assert.deepEqual(await bench.engine.commit(0, commit), { kind: 'refused', reason: 'backlog' });
    assert.equal((await bench.peek()).rev, rev);
    await mark(bench, [[channel, 3]], { rev, backlogMaxBytes });
    assert.equal((await bench.engine.commit(0, commit)).kind, 'committed');
    assert.deepEqual(await bench.append(channel, 'z'), ['accepted']);
  });

  it('leaves states, and what is read of logs, as they are', async () => {
    await using bench = await open();
    const channel = bench.channel();
    const state = new Map([['f', { offset: 1, bytes: bytesOf('v') }]]);
    await bench.commit(0, [{ channel, events: ['a'], reducer: 'latest', state, seqs: { 'p.1': 1 } }]);
    const before = await bench.everything(0, [channel], ['p.1'], TOKEN);
    await mark(bench, [[channel, 1]], { rev: 1 });
    assert.equal((await bench.bounds(channel)).archivedFrom, 1);
    const after = await bench.everything(0, [channel], ['p.1'], TOKEN);
    assert.equal(
      JSON.stringify(after).replace('"archivedFrom":1,', '').replace(',"archivedFrom":1', ''),
      JSON.stringify(before),
    );
  });
}
