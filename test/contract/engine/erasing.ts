/** Contract of `erasing.ts`: what a publisher sent goes from logs, states and inboxes, and no position changes. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Channel } from '../../../src/domain/channel.ts';
import { type Event, isErased } from '../../../src/domain/event.ts';
import type { StateField } from '../../../src/domain/state.ts';
import type { Erasure } from '../../../src/engine/erasing.ts';
import { ALL, type Bench, bytesOf, change, changesOf, event, type Open, same, TOKEN, textOf } from './kit.ts';

const AT_MS = 1_795_000_001_000;
const ALICE = 'alice.k3f9';

export function erasingTests(open: Open, canBeUnreadable: boolean): void {
  const from = (whole: string) => ({ from: whole, seq: 1 });
  const field = (offset: number, text: string): StateField => ({ offset, bytes: bytesOf(text) });

  async function logOf({ engine }: Bench, channel: Channel): Promise<readonly Event[]> {
    const page = await engine.readHistory(channel, null, ALL, 100 * ALL);
    return page.kind === 'events' ? page.events : assert.fail('no position, and yet a gap');
  }

  /** All that is kept of alice's, unless something else is said. */
  async function erasure(bench: Bench, channel: Channel, rest: Partial<Erasure> = {}): Promise<Erasure> {
    const { epoch, head } = await bench.bounds(channel);
    const events = (await logOf(bench, channel))
      .filter((each) => each.from.startsWith('alice.'))
      .map((each) => ({ event: each, countedIn: null }));
    return { channel, epoch, name: 'alice', events, through: head, field: null, atMs: AT_MS, ...rest };
  }

  /** Six of three publishers, alice with two nonces. */
  async function room(bench: Bench, rest = {}): Promise<{ channel: Channel; first: number }> {
    const channel = bench.channel();
    const first = (await bench.peek(0)).events + 1;
    const froms = [ALICE, 'bob.1', 'alice.2', 'alicea.1', '', ALICE];
    const events = froms.map((whole, i) =>
      event(first + i, `text ${i}`, { from: whole, seq: whole === '' ? 0 : i + 1 }),
    );
    await bench.commit(0, [{ channel, events, ...rest }]);
    return { channel, first };
  }

  it('leaves events of others as they are, and of its own their places and times', async () => {
    await using bench = await open();
    const { channel, first } = await room(bench);
    const before = await logOf(bench, channel);
    const { epoch } = await bench.bounds(channel);
    assert.deepEqual(await bench.engine.erase(0, await erasure(bench, channel)), { events: 3, fields: 0 });
    const log = await logOf(bench, channel);
    assert.deepEqual(
      log.map(({ offset }) => offset - first),
      [0, 1, 2, 3, 4, 5, 6],
    );
    assert.deepEqual(log.map(isErased), [true, false, true, false, false, true, true]);
    for (const i of [1, 3, 4]) assert.deepEqual(log[i], before[i]);
    for (const i of [0, 2, 5]) {
      const { atMs, mergedAfterMs } = before[i]!;
      same(log[i], { offset: first + i, from: '', seq: 0, atMs, bytes: bytesOf('') });
      assert.equal(log[i]!.mergedAfterMs, mergedAfterMs);
    }
    same(log[6], { offset: first + 6, from: '', seq: 0, atMs: AT_MS, bytes: bytesOf('') });
    const bounds = await bench.bounds(channel);
    same([bounds.epoch, bounds.head, bounds.oldest, bounds.erased], [epoch, first + 6, first, first + 6]);
  });

  it('is told to who listens, as an event that follows, and to who compares', async () => {
    await using bench = await open();
    const { channel, first } = await room(bench);
    const told: (readonly [string, readonly Event[]])[] = [];
    await bench.engine.subscribe(channel, { published: (...batch) => void told.push(batch), suspect() {} });
    const { mark } = await bench.engine.readChanges(0, null, 10);
    const { epoch } = await bench.bounds(channel);
    await bench.engine.erase(0, await erasure(bench, channel));
    await bench.until('it to be told', () => told.length > 0);
    same(told, [[epoch, [{ offset: first + 6, from: '', seq: 0, atMs: AT_MS, bytes: bytesOf('') }]]]);
    same((await bench.engine.readChanges(0, mark, 10)).channels, [channel]);
    const { epoch: now, rev, channels } = await bench.engine.readUnarchived(0, 1, 10);
    same([now, rev, channels], [epoch, 2, [{ channel, rev: 2 }]]);
  });

  it('keeps every position, and what follows it', async () => {
    await using bench = await open();
    const { channel, first } = await room(bench);
    const { epoch } = await bench.bounds(channel);
    await bench.engine.erase(0, await erasure(bench, channel));
    const page = await bench.engine.readHistory(channel, { epoch, offset: first }, 3);
    assert.equal(page.kind, 'events');
    same(
      page.events.map(({ offset, from: whole, bytes }) => [offset, whole, textOf({ bytes })]),
      [
        [first + 1, 'bob.1', 'text 1'],
        [first + 2, '', ''],
        [first + 3, 'alicea.1', 'text 3'],
      ],
    );
    await bench.put(channel, 'next');
    assert.equal((await bench.bounds(channel)).head, first + 7);
  });

  it('is no evidence of a loss, for whoever saw the event before', async () => {
    await using bench = await open();
    const { channel } = await room(bench);
    const { epoch } = await bench.bounds(channel);
    const before = await logOf(bench, channel);
    await bench.engine.erase(0, await erasure(bench, channel));
    for (const seen of before) {
      const outcome = await bench.engine.renew(0, epoch, { kind: 'event', channel, event: seen });
      assert.deepEqual(outcome, { kind: 'kept', epoch }, `${seen.offset}`);
    }
    const other = { ...before[0]!, atMs: before[0]!.atMs + 1 };
    assert.equal((await bench.engine.renew(0, epoch, { kind: 'event', channel, event: other })).kind, 'renewed');
  });

  it('refuses a merger that read the shard before', async () => {
    await using bench = await open();
    const { channel } = await room(bench);
    const commit = await bench.draft(0, [{ channel, events: ['late'] }]);
    await bench.engine.erase(0, await erasure(bench, channel));
    assert.deepEqual(await bench.engine.commit(0, commit), { kind: 'refused', reason: 'rev' });
    await bench.put(channel, 'again');
    assert.equal((await bench.texts(channel)).at(-1), 'again');
  });

  it('keeps the last seqs, so that what is repeated is not merged again', async () => {
    await using bench = await open();
    const { channel } = await room(bench, { seqs: { [ALICE]: 6, 'bob.1': 2 } });
    await bench.engine.erase(0, await erasure(bench, channel));
    const { channels } = await bench.engine.load(0, [{ channel, froms: [ALICE, 'bob.1'], withState: false }]);
    assert.deepEqual(channels[0]!.seqs, [6, 2]);
  });

  it('takes the field of that name, unless a later event made it', async () => {
    await using bench = await open();
    const state = (first: number) =>
      new Map([
        ['alice', field(first + 5, 'text 5')],
        ['bob', field(first + 1, 'text 1')],
      ]);
    const first = (await bench.peek(0)).events + 1;
    const { channel } = await room(bench, { reducer: 'latest', state: state(first) });
    assert.deepEqual(
      await bench.engine.erase(0, await erasure(bench, channel, { field: 'alice', through: first + 4 })),
      {
        events: 3,
        fields: 0,
      },
    );
    assert.deepEqual([...(await bench.engine.readState(channel)).state.keys()].sort(), ['alice', 'bob']);
    const again = await erasure(bench, channel, { field: 'alice' });
    assert.deepEqual(await bench.engine.erase(0, again), { events: 0, fields: 1 });
    const { state: left, offset } = await bench.engine.readState(channel);
    same(left, new Map([['bob', field(first + 1, 'text 1')]]));
    assert.equal(offset, (await bench.bounds(channel)).head);
    const loaded = await bench.engine.load(0, [{ channel, froms: [], withState: true }]);
    same(loaded.channels[0]!.state, left);
    assert.deepEqual(await bench.engine.erase(0, again), { events: 0, fields: 0 });
  });

  it('counts less for each, and takes the field of which nothing is left', async () => {
    await using bench = await open();
    const first = (await bench.peek(0)).events + 1;
    const state = new Map([
      ['many', field(first + 5, '12')],
      ['one', field(first + 2, '1')],
      ['other', field(first + 1, '7')],
    ]);
    const { channel } = await room(bench, { reducer: 'tally', state });
    const { events, ...rest } = await erasure(bench, channel);
    const counted = events.map(({ event: each }, i) => ({ event: each, countedIn: ['many', 'one', 'many'][i]! }));
    const wish = { ...rest, events: counted };
    assert.deepEqual(await bench.engine.erase(0, wish), { events: 3, fields: 2 });
    const told = (await bench.bounds(channel)).head;
    const left = new Map([
      ['many', field(told, '10')],
      ['other', field(first + 1, '7')],
    ]);
    same((await bench.engine.readState(channel)).state, left);
    assert.deepEqual(await bench.engine.erase(0, wish), { events: 0, fields: 0 }, 'once for each');
    same((await bench.engine.readState(channel)).state, left);
    await bench.put(channel, 'more');
    same((await bench.engine.readState(channel)).state, left, 'and the merge goes on from there');
  });

  it('counts less once for each also where the event is kept no more', async () => {
    await using bench = await open({ historyMaxEvents: 3 });
    const first = (await bench.peek(0)).events + 1;
    const { channel } = await room(bench, { reducer: 'tally', state: new Map([['many', field(first + 5, '12')]]) });
    const ofAlice = (offset: number) => ({ event: event(offset, 'x', { from: ALICE }), countedIn: 'many' });
    const wish = await erasure(bench, channel);
    const until = (through: number, ...offsets: number[]) => ({ ...wish, events: offsets.map(ofAlice), through });
    const { engine } = bench;
    assert.deepEqual(await engine.erase(0, until(first + 1, first, first + 1)), { events: 0, fields: 1 });
    assert.deepEqual(await engine.erase(0, until(first + 1, first, first + 1)), { events: 0, fields: 0 });
    assert.deepEqual(await engine.erase(0, until(first + 5, first + 1, first + 2, first + 5)), {
      events: 1,
      fields: 1,
    });
    assert.deepEqual(await engine.erase(0, { ...until(first + 5, first + 4), name: 'bob' }), { events: 0, fields: 1 });
    const { state } = await engine.readState(channel);
    assert.equal(textOf({ bytes: state.get('many')!.bytes! }), '7');
  });

  it('writes nothing where there is nothing, and tells all the same where that is asked for', async () => {
    await using bench = await open();
    const { channel, first } = await room(bench);
    const nothing = await erasure(bench, channel, { events: [], field: 'alice' });
    const rev = async () => (await bench.engine.readUnarchived(0, ALL, 1)).rev;
    const before = await rev();
    assert.deepEqual(await bench.engine.erase(0, nothing), { events: 0, fields: 0 });
    assert.deepEqual([await rev(), (await bench.bounds(channel)).head], [before, first + 5]);
    assert.deepEqual(await bench.engine.erase(0, { ...nothing, isTold: true }), { events: 0, fields: 0 });
    assert.deepEqual([await rev(), (await bench.bounds(channel)).head], [before + 1, first + 6]);
  });

  it('erases nothing in another epoch, of a channel that is not there, or of an offset that is another one’s', async () => {
    await using bench = await open();
    const { channel, first } = await room(bench);
    const wish = await erasure(bench, channel);
    assert.equal(await bench.engine.erase(0, { ...wish, epoch: '000000' }), null);
    const none = bench.channel();
    const { epoch } = await bench.bounds(none);
    const events = wish.events;
    assert.deepEqual(await bench.engine.erase(0, { ...wish, channel: none, epoch, isTold: true }), {
      events: 0,
      fields: 0,
    });
    const others = [first + 1, first + 3, first + 4, first + 99].map((offset) => {
      return { event: { ...events[0]!.event, offset }, countedIn: null };
    });
    assert.deepEqual(await bench.engine.erase(0, { ...wish, events: others }), { events: 0, fields: 0 });
    assert.deepEqual((await logOf(bench, channel)).filter(isErased), []);
  });

  it('passes over what was trimmed, and of a history as long as may be gives up the oldest', async () => {
    await using bench = await open({ historyMaxEvents: 4 });
    const { channel, first } = await room(bench);
    const { events, ...rest } = await erasure(bench, channel);
    const trimmed = { event: { ...events[0]!.event, offset: first }, countedIn: null };
    assert.deepEqual(await bench.engine.erase(0, { ...rest, events: [trimmed, ...events] }), { events: 2, fields: 0 });
    await bench.put(channel, 'more');
    assert.equal((await bench.bounds(channel)).oldest, first + 4);
  });

  it('counts what tells of it as not archived', async () => {
    await using bench = await open();
    const { channel, first } = await room(bench);
    const unarchived = () => bench.engine.readUnarchived(0, ALL, 1);
    const { epoch, rev, isArchived } = await unarchived();
    assert.equal(isArchived, false);
    const marks = [{ channel, from: first, offset: first + 5 }];
    await bench.engine.markArchived(0, { epoch, rev, marks, backlogMaxBytes: ALL });
    assert.deepEqual([(await unarchived()).isArchived, (await unarchived()).backlogBytes], [true, 0]);
    await bench.engine.erase(0, await erasure(bench, channel));
    assert.ok((await unarchived()).backlogBytes > 0);
  });

  it('of changes that wait leaves what their seqs need', async () => {
    await using bench = await open();
    const channel = bench.channel();
    const changes = [
      change(channel, 'a', from(ALICE)),
      change(channel, 'b', from('bob.1')),
      change(channel, 'c', { from: 'alice.2' }),
      change(channel, 'd'),
    ];
    await bench.engine.append(changes);
    const commit = await bench.draft(0, []);
    assert.equal(await bench.engine.eraseWaiting(0, 'alice'), 2);
    const empty = bytesOf('');
    const left = [{ ...changes[0]!, bytes: empty }, changes[1], { ...changes[2]!, from: '', bytes: empty }, changes[3]];
    const peek = await bench.peek(0);
    same(changesOf(peek), left);
    assert.deepEqual(await bench.engine.commit(0, commit), { kind: 'refused', reason: 'rev' });
    assert.equal(await bench.engine.eraseWaiting(0, 'alice'), 0);
    assert.equal((await bench.peek(0)).rev, peek.rev, 'nothing was written again');
    const { engine } = bench;
    await engine.commit(0, await bench.draft(0, [], { entries: 2 }));
    same(changesOf(await bench.peek(0)), left.slice(2));
    await bench.append(channel, 'e');
    assert.equal(await engine.eraseWaiting(0, 'bob'), 0);
    same((await bench.peek(0)).waiting, 3);
  });

  it('finds all that wait, however many', async () => {
    await using bench = await open();
    const channel = bench.channel();
    const many = Array.from({ length: 3_000 }, (_, i) =>
      change(channel, `${i}`, { from: i % 3 === 0 ? ALICE : 'bob.1', seq: i + 1 }),
    );
    for (let i = 0; i < many.length; i += 1_000) await bench.engine.append(many.slice(i, i + 1_000));
    assert.equal(await bench.engine.eraseWaiting(0, 'alice'), 1_000);
    const left = changesOf(await bench.peek(0));
    assert.deepEqual(
      left.map(textOf),
      many.map((each, i) => (i % 3 === 0 ? '' : textOf(each))),
    );
  });

  it('takes entries that nobody can read where they have the name', {
    skip: !canBeUnreadable && 'there are none',
  }, async () => {
    await using bench = await open();
    for (const text of ['\xc1 alice.k3f9', '\xc1 bob.1']) await bench.subject.inject!(0, Buffer.from(text, 'latin1'));
    const { engine } = bench;
    const unreadable = (await bench.peek(0)).entries.map((entry) =>
      entry.kind === 'unreadable' ? entry.raw : assert.fail('it can be read'),
    );
    const { rev, epoch } = await bench.peek(0);
    await engine.commit(0, { token: TOKEN, rev, epoch, entries: 2, channels: [], unreadable });
    assert.equal(await engine.eraseWaiting(0, 'alice'), 1);
    assert.equal(await engine.eraseWaiting(0, 'alice'), 0);
    await engine.scrub();
  });
}
