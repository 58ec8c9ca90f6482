/** The refill of a shard, with a store in memory and an archive that has more: what is put back of it, in which pieces, and what is not. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ArchivedLog, ArchiveSource } from '../../src/archive/archive.ts';
import type { Clock } from '../../src/clock.ts';
import { type Event, erasedForm, isErased } from '../../src/domain/event.ts';
import type { ChannelCommit, Engine, Peek, Refill } from '../../src/engine/engine.ts';
import { createMemoryEngine } from '../../src/engine/memory/engine.ts';
import { ArchiveUnavailable, EngineUnavailable } from '../../src/errors.ts';
import { createLogger } from '../../src/log.ts';
import { createReducerFor } from '../../src/merger/reducers/patterns.ts';
import { ShardRefill } from '../../src/merger/refill/shard-refill.ts';
import { bytesOf, change, event, generousOptions, plain, weightOf } from '../contract/engine/kit.ts';

const LEASE_MS = 1_000;
const TOKEN = 'merger';
const ALL = 1_000_000;

type RefillPeek = Extract<Peek, { kind: 'refill' }>;

function numbered(first: number, count: number, rest: Partial<Event> = {}): Event[] {
  return Array.from({ length: count }, (_, i) => event(first + i, `${first + i}`, rest));
}

async function startBench() {
  let nowMs = 0;
  const clock: Clock = { wallMs: () => nowMs, elapsedMs: () => nowMs };
  const memory = createMemoryEngine({ ...generousOptions, historyMaxEvents: ALL, shards: 1 }, clock);
  const peeked = await memory.peek(0, { token: TOKEN, ms: ALL }, { maxEntries: 0, maxBytes: 0 });
  assert.ok(peeked.kind === 'entries');
  const { epoch } = peeked;
  const logs = new Map<string, { log: ArchivedLog; events: readonly Event[] }>();
  const refills: Refill[] = [];
  const lines: Record<string, unknown>[] = [];
  const faults = { archive: null as Error | null, refused: false, shardEvents: 0 };
  let rev = 10;

  const answer = async <T>(value: T): Promise<T> => {
    if (faults.archive !== null) throw faults.archive;
    return value;
  };
  const archive: ArchiveSource = {
    ready: async () => {},
    close: async () => {},
    read(channel, after, limit, maxBytes) {
      const its = logs.get(channel);
      if (its === undefined) return answer(null);
      const events: Event[] = [];
      let bytes = 0;
      for (const each of its.events.filter(({ offset }) => offset > after).slice(0, limit)) {
        if (bytes > maxBytes) break;
        events.push(each);
        bytes += each.bytes.length;
      }
      return answer({ log: its.log, events });
    },
    boundsOf: (_, channels) =>
      answer(channels.flatMap((channel) => (logs.has(channel) ? [{ channel, log: logs.get(channel)!.log }] : []))),
    begunAbove: (_, of, base, behind, limit) =>
      answer(
        Array.from(logs, ([channel, { log }]) => ({ channel, log }))
          .filter(({ channel, log }) => log.epoch === of && log.base >= base && channel > behind)
          .sort((a, b) => (a.channel < b.channel ? -1 : 1))
          .slice(0, limit),
      ),
    eventsOf: () => answer(faults.shardEvents),
  };
  const engine: Engine = {
    ...memory,
    async refill(_, refill) {
      if (faults.refused) return { kind: 'refused', reason: 'rev' };
      assert.equal(refill.rev, rev);
      refills.push(refill);
      if (refill.channels.length > 0) rev++;
      return { kind: 'refilled', rev };
    },
  };
  const refill = new ShardRefill(0, {
    ...{ engine, archive, clock, leaseMs: LEASE_MS },
    reducerFor: createReducerFor([{ pattern: 'latest*', reducer: 'latest' }]),
    log: createLogger({ logLevel: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) }),
  });

  async function peek(): Promise<RefillPeek> {
    const { events, waiting } = await memory.readUnarchived(0, 0, 1);
    return { kind: 'refill', epoch, rev, events, waiting };
  }

  return {
    engine,
    faults,
    lines,
    refill,
    refills,
    passMs(ms: number) {
      nowMs += ms;
    },
    /** What the store has. */
    async keep(...commits: readonly (Pick<ChannelCommit, 'channel' | 'events'> & Partial<ChannelCommit>)[]) {
      const { rev: at } = await memory.load(0, []);
      const common = { head: null, reducer: 'log', state: new Map(), stateBytes: 0, seqs: new Map() };
      const channels = commits.map((each) => ({ ...common, ...each }));
      const commit = { token: TOKEN, rev: at, epoch, entries: 0, channels, unreadable: [] };
      assert.equal((await memory.commit(0, commit)).kind, 'committed');
    },
    /** What the archive has. */
    archived(channel: string, events: readonly Event[], rest: Partial<ArchivedLog> = {}) {
      const first = events[0]!.offset;
      const log = { id: channel, epoch, base: first - 1, oldest: first, head: events.at(-1)!.offset, ...rest };
      logs.set(channel, { log, events });
    },
    peek,
    /** Rounds until nothing is left. */
    async run() {
      for (let rounds = 0; refills.at(-1)?.isComplete !== true; rounds++) {
        assert.ok(rounds < 100, 'it comes to its end');
        await refill.round(await peek(), TOKEN);
      }
    },
    /** What was put back of each channel, in the order of the pieces. */
    putBack(): Record<string, number[]> {
      const found: Record<string, number[]> = {};
      for (const { channel, events } of refills.flatMap(({ channels }) => channels)) {
        found[channel] = [...(found[channel] ?? []), ...events.map(({ offset }) => offset)];
      }
      return found;
    },
  };
}

const offsets = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, i) => first + i);

describe('what is put back', () => {
  it('is what the archive has more: of channels that the store has, and of those begun since, in pieces', async () => {
    const bench = await startBench();
    await bench.keep({ channel: 'a', events: numbered(1, 3) }, { channel: 'b', events: numbered(1, 2) });
    bench.archived('a', numbered(1, 1_203));
    bench.archived('b', numbered(1, 2));
    bench.archived('c', numbered(1_300, 20, { seq: 4, from: 'p.1' }));
    await bench.run();
    assert.deepEqual(bench.putBack(), { a: offsets(4, 1_203), c: offsets(1_300, 1_319) });
    const sizes = bench.refills.map(({ channels }) => channels.reduce((sum, { events }) => sum + events.length, 0));
    assert.ok(
      sizes.every((size) => size <= 256),
      `${sizes}`,
    );
    const heads = bench.refills.flatMap(({ channels }) => channels.map(({ channel, head }) => `${channel} ${head}`));
    assert.deepEqual(heads, ['a 3', 'a 259', 'a 515', 'a 771', 'a 1027', 'c null']);
    const last = bench.refills.flatMap(({ channels }) => channels).at(-1)!;
    assert.deepEqual([last.archivedFrom, [...last.seqs]], [1_300, [['p.1', 4]]]);
  });

  it('is no more than fits in a commit, whatever it weighs', async () => {
    const bench = await startBench();
    await bench.keep({ channel: 'a', events: numbered(1, 1) });
    const large = Array.from({ length: 20 }, (_, i) => ({ ...event(i + 2, ''), bytes: new Uint8Array(100_000) }));
    bench.archived('a', [...numbered(1, 1), ...large]);
    await bench.run();
    assert.deepEqual(bench.putBack(), { a: offsets(2, 21) });
    for (const { channels } of bench.refills) assert.ok(channels.every(({ events }) => events.length <= 3));
  });

  it('goes into the state by the reducer that made it, whatever REDUCERS says by now', async () => {
    const bench = await startBench();
    const field = new Map([['max', { offset: 1, bytes: bytesOf('1') }]]);
    const made = { reducer: 'latest', state: field, stateBytes: weightOf(field) };
    await bench.keep({ channel: 'other', events: numbered(1, 1, { from: 'max.1' }), ...made });
    bench.archived('other', [...numbered(1, 2, { from: 'max.1' }), event(3, 'x', { from: 'eve.1' })]);
    bench.archived('latest-new', numbered(5, 2, { from: 'max.2' }));
    await bench.run();
    const [other, fresh] = bench.refills.flatMap(({ channels }) => channels);
    const fields = new Map([
      ['max', { offset: 2, bytes: bytesOf('2') }],
      ['eve', { offset: 3, bytes: bytesOf('x') }],
    ]);
    assert.deepEqual(
      plain([other!.reducer, other!.state, other!.stateBytes]),
      plain(['latest', fields, weightOf(fields)]),
    );
    assert.deepEqual(
      plain([fresh!.reducer, fresh!.state]),
      plain(['latest', new Map([['max', { offset: 6, bytes: bytesOf('6') }]])]),
    );
  });

  it('is put back erased where it was erased, and then no part of the state', async () => {
    const bench = await startBench();
    bench.archived('latest-a', [
      event(1, 'x', { from: 'max.1', seq: 1 }),
      erasedForm(event(2, 'y', { from: 'eve.1', seq: 1 })),
    ]);
    await bench.run();
    const [put] = bench.refills.flatMap(({ channels }) => channels);
    assert.deepEqual(put!.events.map(isErased), [false, true]);
    assert.deepEqual(plain(put!.state), plain(new Map([['max', { offset: 1, bytes: bytesOf('x') }]])));
    assert.deepEqual(plain(put!.seqs), plain(new Map([['max.1', 1]])));
  });

  it('takes out of the inbox what became an event without a seq, as often as it did', async () => {
    const bench = await startBench();
    await bench.keep({ channel: 'a', events: numbered(1, 1) });
    const twice = change('a', 'x', { acceptedMs: 7 });
    const others = [
      change('b', 'x', { acceptedMs: 7 }),
      change('a', 'y', { acceptedMs: 7 }),
      change('a', 'x', { acceptedMs: 8 }),
    ];
    const withSeq = change('a', 'z', { acceptedMs: 7, from: 'p.1', seq: 1 });
    await bench.engine.append([withSeq, ...others, twice, twice, twice]);
    const lost = [
      event(2, 'x', { atMs: 7 }),
      event(3, 'x', { atMs: 7 }),
      event(4, 'z', { atMs: 7, from: 'p.1', seq: 1 }),
    ];
    bench.archived('a', [...numbered(1, 1), ...lost]);
    await bench.run();
    assert.deepEqual(plain(bench.refills.flatMap(({ taken }) => taken)), plain([twice, twice]));
  });

  it('says how many events the shard had made, where nothing is missing', async () => {
    const bench = await startBench();
    bench.faults.shardEvents = 77;
    await bench.keep({ channel: 'a', events: numbered(1, 1) });
    await bench.run();
    assert.deepEqual(
      bench.refills.map(({ events, isComplete }) => [events, isComplete]),
      [[77, true]],
    );
  });
});

describe('what is not put back', () => {
  const isUnfit = ({ msg }: Record<string, unknown>) => `${msg}`.includes('does not follow');

  for (const [what, prepare] of [
    [
      'of which the store has another event',
      (bench) => bench.archived('a', [...numbered(1, 2), event(3, 'other'), ...numbered(4, 2)]),
    ],
    [
      'of which the archive has not the last event that the store has',
      (bench) => bench.archived('a', numbered(4, 2), { base: 0 }),
    ],
    [
      'that was begun since, and is not there from its first event on',
      (bench) => bench.archived('b', numbered(9, 2), { base: 5 }),
    ],
  ] as const satisfies readonly (readonly [string, (bench: Awaited<ReturnType<typeof startBench>>) => void])[]) {
    it(`is a log ${what}, which is said`, async () => {
      const bench = await startBench();
      bench.faults.shardEvents = 77;
      await bench.keep({ channel: 'a', events: numbered(1, 3) });
      prepare(bench);
      await bench.run();
      assert.deepEqual(bench.putBack(), {});
      assert.equal(bench.lines.filter(isUnfit).length, 1);
      assert.equal(bench.refills.at(-1)!.events, 0, 'something is missing');
    });
  }

  it('is a log of another epoch, or one that was forgotten before', async () => {
    const bench = await startBench();
    await bench.keep({ channel: 'a', events: numbered(1, 3) });
    bench.archived('a', numbered(1, 5), { epoch: 'before' });
    bench.archived('b', numbered(2, 9));
    await bench.run();
    assert.deepEqual([bench.putBack(), bench.lines.filter(isUnfit)], [{}, []]);
  });
});

describe('a refill', () => {
  async function startAway() {
    const bench = await startBench();
    await bench.keep({ channel: 'a', events: numbered(1, 1) });
    bench.archived('a', numbered(1, 2));
    bench.faults.archive = new ArchiveUnavailable('away');
    return bench;
  }

  it('waits for an archive that does not answer, but no longer than four seconds, and says so', async () => {
    const bench = await startAway();
    let waitedMs = 0;
    while (bench.refill.isAble) {
      const pauseMs = await bench.refill.round(await bench.peek(), TOKEN);
      const ms = pauseMs === 'again' ? 0 : pauseMs;
      waitedMs += ms;
      bench.passMs(ms);
      assert.ok(waitedMs <= 4_500, 'it has an end');
    }
    assert.ok(waitedMs >= 3_500, `${waitedMs}`);
    assert.deepEqual([bench.refills, bench.lines.length], [[], 1]);
    bench.passMs(5_000);
    assert.ok(bench.refill.isAble, 'the next time is another');
  });

  it('goes on where the archive is back in time', async () => {
    const bench = await startAway();
    for (let i = 0; i < 10; i++) bench.passMs(Number(await bench.refill.round(await bench.peek(), TOKEN)));
    bench.faults.archive = null;
    await bench.run();
    assert.deepEqual(bench.putBack(), { a: [2] });
    bench.faults.archive = new ArchiveUnavailable('away again');
    bench.passMs(60_000);
    assert.equal(await bench.refill.round(await bench.peek(), 'of another time'), 250);
  });

  it('leaves it to others to say that the store is away', async () => {
    const bench = await startAway();
    bench.faults.archive = new EngineUnavailable('the store');
    await assert.rejects(async () => bench.refill.round(await bench.peek(), TOKEN), EngineUnavailable);
    bench.passMs(60_000);
    assert.ok(bench.refill.isAble);
  });

  it('looks again for what is left after a refusal', async () => {
    const bench = await startAway();
    bench.faults.archive = null;
    bench.faults.refused = true;
    assert.equal(await bench.refill.round(await bench.peek(), TOKEN), 250);
    bench.faults.refused = false;
    await bench.run();
    assert.deepEqual(bench.putBack(), { a: [2] });
  });
});
