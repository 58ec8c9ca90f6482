/** The archive's contract in executable form: what `src/archive/archive.ts` says, for any archive. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Archive, ArchivedLog, LogPart } from '../../src/archive/archive.ts';
import { type Event, erasedForm } from '../../src/domain/event.ts';
import { ArchiveUnavailable } from '../../src/errors.ts';
import { bytesOf, same, textOf } from './engine/kit.ts';

export interface ArchiveBench extends AsyncDisposable {
  /** Of two processes, on the same store. */
  readonly archives: readonly [Archive, Archive];
}

export interface ArchiveSubject {
  readonly name: string;
  /** Empty. */
  readonly create: () => Promise<ArchiveBench>;
}

const ALL = 1_000_000;
const EPOCH = 'epoch1';

function event(offset: number, text: string, rest: Partial<Event> = {}): Event {
  return { offset, from: '', seq: 0, atMs: 1_795_000_000_000 + offset, bytes: bytesOf(text), ...rest };
}

/** One for each text, from an offset on. */
function eventsFrom(first: number, ...texts: string[]): Event[] {
  return texts.map((text, i) => event(first + i, text));
}

function numbered(first: number, count: number): Event[] {
  return eventsFrom(first, ...Array.from({ length: count }, (_, i) => `${first + i}`));
}

export function archiveContract({ name, create }: ArchiveSubject): void {
  async function write(archive: Archive, parts: readonly LogPart[], rev = 1, epoch = EPOCH): Promise<ArchivedLog[]> {
    await archive.claim(0, 'one', null);
    const logs = await archive.write(0, 'one', { watermark: { epoch, rev }, parts });
    return logs ?? assert.fail('the shard should be ours');
  }

  async function texts(archive: Archive, channel: string, after = 0, limit = ALL, maxBytes = ALL): Promise<string[]> {
    const page = await archive.read(channel, after, limit, maxBytes);
    return page!.events.map(textOf);
  }

  describe(`archive contract: ${name}`, () => {
    it('has what was written, for all, and nothing where nothing was', async () => {
      await using bench = await create();
      const [a, b] = bench.archives;
      const events = [
        event(1, '\u0000ä'),
        event(2, '', { from: 'Max.1', seq: Number.MAX_SAFE_INTEGER }),
        event(3, 'x'.repeat(300_000), { trace: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' }),
        event(4, 'y', { mergedAfterMs: -123_456_789_012 }),
        event(5, 'z', { mergedAfterMs: 0 }),
      ];
      const [log] = await write(a, [{ channel: 'room', log: null, events }]);
      const page = await b.read('room', 0, ALL, ALL);
      assert.deepEqual(page!.log, { id: log!.id, epoch: EPOCH, base: 0, oldest: 1, head: 5 });
      same(page!.events, events);
      assert.deepEqual(
        page!.events.map(({ mergedAfterMs }) => mergedAfterMs),
        [undefined, undefined, undefined, -123_456_789_012, 0],
      );
      assert.equal(await b.read('rooM', 0, ALL, ALL), null);
      assert.equal(await b.read('', 0, ALL, ALL), null);
    });

    it('reads after an offset, so many events, and so many bytes', async () => {
      await using bench = await create();
      const [archive] = bench.archives;
      let log: ArchivedLog | null = null;
      for (const [first, count] of [
        [11, 1],
        [12, 1_500],
        [1_512, 2],
      ] as const) {
        [log = null] = await write(archive, [{ channel: 'room', log, events: numbered(first, count) }]);
      }
      const numbers = (first: number, last: number) => numbered(first, last - first + 1).map(textOf);
      assert.deepEqual(await texts(archive, 'room'), numbers(11, 1_513));
      assert.deepEqual(await texts(archive, 'room', 10, 3), numbers(11, 13));
      assert.deepEqual(await texts(archive, 'room', 11, 1), numbers(12, 12));
      assert.deepEqual(await texts(archive, 'room', 700, 3), numbers(701, 703));
      assert.deepEqual(await texts(archive, 'room', 1_511), numbers(1_512, 1_513));
      assert.deepEqual(await texts(archive, 'room', 1_513), []);
      assert.deepEqual(await texts(archive, 'room', 5_000), []);
      assert.deepEqual(await texts(archive, 'room', 0, 0), []);
      assert.deepEqual(await texts(archive, 'room', 10, ALL, 1), numbers(11, 11));
      assert.deepEqual(await texts(archive, 'room', 1_509, ALL, 5), numbers(1_510, 1_511));
      assert.equal((await archive.read('room', 20, 0, ALL))!.log.oldest, 11);
    });

    it('reads large events a few at a time', async () => {
      await using bench = await create();
      const [archive] = bench.archives;
      const large = Array.from({ length: 20 }, (_, i) => event(i + 1, `${i}`.padEnd(100_000)));
      await write(archive, [{ channel: 'room', log: null, events: large }]);
      const page = await archive.read('room', 2, ALL, 250_000);
      assert.deepEqual(
        page!.events.map(({ offset }) => offset),
        [3, 4, 5],
      );
    });

    it('tells an archiver its logs, with their last events', async () => {
      await using bench = await create();
      const [archive] = bench.archives;
      const last = event(602, 'end', { from: 'p.1', seq: 7 });
      const [a, b] = await write(archive, [
        { channel: 'a', log: null, events: [...numbered(1, 601), last] },
        { channel: 'b', log: null, events: numbered(9, 1) },
      ]);
      const logs = await archive.logsOf(0, ['b', 'none', 'a']);
      same(logs, [{ ...b, last: event(9, '9') }, null, { ...a, last }]);
      assert.deepEqual(await archive.logsOf(1, ['a']), [null], 'of that shard alone');
      assert.deepEqual(await archive.logsOf(0, []), []);
    });

    it('writes all or nothing', async () => {
      await using bench = await create();
      const [archive] = bench.archives;
      const [log] = await write(archive, [{ channel: 'a', log: null, events: numbered(1, 3) }], 5);
      const stale = { ...log!, id: '999999' };
      const parts = [
        { channel: 'b', log: null, events: numbered(1, 1) },
        { channel: 'a', log: stale, events: numbered(4, 1) },
      ];
      await assert.rejects(write(archive, parts, 6), ArchiveUnavailable);
      assert.equal(await archive.read('b', 0, ALL, ALL), null);
      assert.deepEqual(await texts(archive, 'a'), ['1', '2', '3']);
      assert.deepEqual(await archive.claim(0, 'one', null), { kind: 'ours', watermark: { epoch: EPOCH, rev: 5 } });
    });

    it('never has an event twice', async () => {
      await using bench = await create();
      const [archive] = bench.archives;
      const [log] = await write(archive, [{ channel: 'a', log: null, events: numbered(1, 3) }]);
      await assert.rejects(write(archive, [{ channel: 'a', log: log!, events: numbered(2, 2) }]), ArchiveUnavailable);
      await assert.rejects(write(archive, [{ channel: 'a', log: log!, events: numbered(5, 2) }]), ArchiveUnavailable);
      assert.deepEqual(await texts(archive, 'a'), ['1', '2', '3']);
      await write(archive, [{ channel: 'a', log: log!, events: numbered(4, 2) }]);
      const late = write(archive, [{ channel: 'a', log: log!, events: numbered(4, 1) }]);
      await assert.rejects(late, ArchiveUnavailable, 'of what the log was before');
      assert.deepEqual(await texts(archive, 'a'), ['1', '2', '3', '4', '5']);
    });

    it('begins another log in place of one that cannot be followed', async () => {
      await using bench = await create();
      const [archive] = bench.archives;
      const [first] = await write(archive, [{ channel: 'a', log: null, events: numbered(1, 3) }]);
      const [second] = await write(archive, [{ channel: 'a', log: null, events: numbered(3, 2) }], 2, 'epoch2');
      assert.notEqual(second!.id, first!.id);
      const page = await archive.read('a', 0, ALL, ALL);
      assert.deepEqual(page!.log, { id: second!.id, epoch: 'epoch2', base: 2, oldest: 3, head: 4 });
      assert.deepEqual(
        page!.events.map(({ offset }) => offset),
        [3, 4],
      );
      await assert.rejects(write(archive, [{ channel: 'a', log: first!, events: numbered(4, 1) }]), ArchiveUnavailable);
    });

    it('cuts off what was lost, within a piece and between two, and goes on from there', async () => {
      await using bench = await create();
      const [archive] = bench.archives;
      let [log] = await write(archive, [{ channel: 'a', log: null, events: numbered(1, 5) }]);
      [log] = await write(archive, [{ channel: 'a', log: log!, events: numbered(6, 5) }]);
      const [within] = await write(
        archive,
        [{ channel: 'a', log: log!, cutAbove: 8, events: eventsFrom(9, 'nine') }],
        3,
        'epoch2',
      );
      assert.deepEqual(within, { ...log!, head: 9, epoch: 'epoch2' });
      assert.deepEqual(await texts(archive, 'a'), ['1', '2', '3', '4', '5', '6', '7', '8', 'nine']);
      const [between] = await write(archive, [{ channel: 'a', log: within!, cutAbove: 5, events: [] }], 4, 'epoch3');
      assert.deepEqual(between, { ...log!, head: 5, epoch: 'epoch3' });
      assert.deepEqual(await texts(archive, 'a'), ['1', '2', '3', '4', '5']);
      const [above] = await write(
        archive,
        [{ channel: 'a', log: between!, cutAbove: 7, events: eventsFrom(6, 'six') }],
        5,
        'epoch4',
      );
      assert.equal(above!.head, 6, 'where there is nothing to cut');
      const [all] = await write(
        archive,
        [{ channel: 'a', log: above!, cutAbove: 0, events: eventsFrom(1, 'one') }],
        6,
        'epoch5',
      );
      assert.deepEqual(await texts(archive, 'a'), ['one']);
      same(await archive.logsOf(0, ['a']), [{ ...all!, last: event(1, 'one') }]);
    });

    it('has one writer of a shard, who is another’s only when it was silent', async () => {
      await using bench = await create();
      const [a, b] = bench.archives;
      assert.deepEqual(await a.claim(0, 'one', null), { kind: 'ours', watermark: { epoch: null, rev: 0 } });
      const held = await b.claim(0, 'two', null);
      assert.equal(held.kind, 'held');
      const sign = held.kind === 'held' ? held.sign : '';
      assert.deepEqual(await b.claim(0, 'two', null), held, 'who asks changes nothing');
      await a.claim(0, 'one', null);
      const later = await b.claim(0, 'two', sign);
      assert.equal(later.kind, 'held', 'it has shown to be alive');
      assert.notDeepEqual(later, held);
      await write(a, [], 7);
      const last = await b.claim(0, 'two', null);
      assert.deepEqual(await b.claim(0, 'two', last.kind === 'held' ? last.sign : null), {
        kind: 'ours',
        watermark: { epoch: EPOCH, rev: 7 },
      });
      const batch = {
        watermark: { epoch: EPOCH, rev: 8 },
        parts: [{ channel: 'a', log: null, events: numbered(1, 1) }],
      };
      assert.equal(await a.write(0, 'one', batch), null);
      assert.equal(await a.read('a', 0, ALL, ALL), null);
      assert.equal((await a.claim(0, 'one', sign)).kind, 'held');
      assert.equal((await a.claim(1, 'one', null)).kind, 'ours', 'of another shard');
      await b.release(0, 'one');
      assert.equal((await a.claim(0, 'one', null)).kind, 'held');
      await b.release(0, 'two');
      assert.deepEqual(await a.claim(0, 'one', null), { kind: 'ours', watermark: { epoch: EPOCH, rev: 7 } });
    });
  });

  describe(`archive contract, erasing: ${name}`, () => {
    const by = (offset: number, from: string) => event(offset, `said ${offset}`, { from, seq: offset });

    /** To its end. */
    async function erase(archive: Archive, log: string, of = 'alice', upTo = ALL): Promise<number[]> {
      const found: number[] = [];
      for (let after = 0; ; ) {
        const { offsets, through, isAll } = await archive.erase(0, log, of, after, upTo);
        found.push(...offsets);
        if (isAll) return found;
        assert.ok(through > after);
        after = through;
      }
    }

    it('takes what publishers of a name sent, and leaves its place', async () => {
      await using bench = await create();
      const [archive] = bench.archives;
      const events = [by(1, 'alice.1'), by(2, 'bob.1'), by(3, 'alice.2'), by(4, 'alicea.1'), event(5, 'said 5')];
      const [log] = await write(archive, [{ channel: 'a', log: null, events }]);
      await write(archive, [{ channel: 'b', log: null, events: [by(1, 'bob.1')] }]);
      same(await archive.logsWith(0, 'alice'), [{ id: log!.id, channel: 'a', isCurrent: true }]);
      assert.deepEqual(await archive.logsWith(1, 'alice'), []);
      assert.deepEqual(await archive.logsWith(0, 'ali'), []);
      assert.deepEqual(await erase(archive, log!.id), [1, 3]);
      assert.deepEqual(await texts(archive, 'a'), ['', 'said 2', '', 'said 4', 'said 5']);
      const page = await archive.read('a', 0, ALL, ALL);
      same(page!.log, log);
      same(page!.events, [erasedForm(events[0]!), events[1], erasedForm(events[2]!), ...events.slice(3)]);
      assert.deepEqual(await erase(archive, log!.id), []);
    });

    it('finds it in logs that are not current any more, and in what was cut off', async () => {
      await using bench = await create();
      const [archive] = bench.archives;
      const [old] = await write(archive, [{ channel: 'a', log: null, events: [by(1, 'alice.1')] }]);
      let [log] = await write(archive, [{ channel: 'a', log: null, events: [by(1, 'bob.1'), by(2, 'alice.1')] }], 2);
      [log] = await write(archive, [{ channel: 'a', log: log!, cutAbove: 1, events: [by(2, 'bob.1')] }], 3, 'epoch2');
      const logs = await archive.logsWith(0, 'alice');
      assert.deepEqual(
        logs.map(({ channel, isCurrent }) => [channel, isCurrent]),
        [
          ['a', false],
          ['a', true],
          ['a', false],
        ],
      );
      assert.deepEqual([logs[0]!.id, logs[1]!.id], [old!.id, log!.id]);
      const found = [];
      for (const { id } of logs) found.push(await erase(archive, id));
      assert.deepEqual(found, [[1], [], [2]]);
    });

    it('goes part by part, and no further than is said', async () => {
      await using bench = await create();
      const [archive] = bench.archives;
      let log: ArchivedLog | null = null;
      for (let i = 1; i <= 150; i++) {
        [log = null] = await write(archive, [
          { channel: 'a', log, events: [by(i, i % 2 === 0 ? 'alice.1' : 'bob.1')] },
        ]);
      }
      const first = await archive.erase(0, log!.id, 'alice', 0, 100);
      assert.equal(first.isAll, false);
      assert.ok(first.offsets.length > 0 && first.through < 150);
      assert.deepEqual([...first.offsets, ...(await erase(archive, log!.id, 'alice', 100))].length, 50);
      const said = await texts(archive, 'a');
      assert.deepEqual(
        said.flatMap((text, i) => (text === '' ? [i + 1] : [])),
        Array.from({ length: 50 }, (_, i) => 2 * (i + 1)),
      );
    });

    it('lets nobody write what was read before', async () => {
      await using bench = await create();
      const [archive] = bench.archives;
      const [log] = await write(archive, [{ channel: 'a', log: null, events: [by(1, 'alice.1')] }], 5);
      await archive.logsWith(0, 'alice');
      const batch = {
        watermark: { epoch: EPOCH, rev: 6 },
        parts: [{ channel: 'a', log: log!, events: [by(2, 'alice.1')] }],
      };
      assert.equal(await archive.write(0, 'one', batch), null);
      assert.deepEqual(await archive.claim(0, 'one', null), { kind: 'ours', watermark: { epoch: EPOCH, rev: 5 } });
      assert.notEqual(await archive.write(0, 'one', batch), null, 'and from then on as ever');
    });

    it('forgets that it was there, unless it came again', async () => {
      await using bench = await create();
      const [archive] = bench.archives;
      let [log] = await write(archive, [{ channel: 'a', log: null, events: [by(1, 'alice.1')] }]);
      [log] = await write(archive, [{ channel: 'a', log: log!, events: [by(2, 'alice.1')] }]);
      await erase(archive, log!.id, 'alice', 1);
      await archive.forgetSender(0, log!.id, 'alice', 1);
      assert.equal((await archive.logsWith(0, 'alice')).length, 1);
      await erase(archive, log!.id);
      await archive.forgetSender(0, log!.id, 'alice', 2);
      assert.deepEqual(await archive.logsWith(0, 'alice'), []);
    });
  });
}
