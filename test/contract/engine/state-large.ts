/** Contract of states that are too large for one answer: `load` leaves them out, and `readState` is exact all the same. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Channel } from '../../../src/domain/channel.ts';
import { sameBytes } from '../../../src/domain/event.ts';
import { channelEpoch } from '../../../src/domain/position.ts';
import { fieldBytes, type State, type StateField } from '../../../src/domain/state.ts';
import { LOAD_MAX_BYTES, LOAD_STATE_MAX_BYTES, type Snapshot } from '../../../src/engine/engine.ts';
import { createRandom } from '../../support/random.ts';
import { type Bench, bytesOf, event, type Open, same, TOKEN, weightOf } from './kit.ts';

/** Every fold of a channel, by the head after each commit, as long as one writer alone commits to its shard. */
class Ledger {
  readonly channel: Channel;
  readonly #bench: Bench;
  readonly #commits: { readonly head: number; readonly changes: State }[] = [];
  readonly #fold = new Map<string, StateField>();
  #bytes = 0;

  constructor(bench: Bench, channel: Channel) {
    this.#bench = bench;
    this.channel = channel;
  }

  get head(): number {
    return this.#commits.at(-1)?.head ?? 0;
  }

  get commits(): number {
    return this.#commits.length;
  }

  async commit(values: Readonly<Record<string, string | null>>, reducer = 'latest'): Promise<void> {
    const { engine } = this.#bench;
    const { rev, epoch } = await this.#bench.peek(0, TOKEN, 1);
    const offset = this.head + 1;
    const changes = new Map<string, StateField>();
    for (const [name, text] of Object.entries(values)) {
      const bytes = text === null ? null : bytesOf(text);
      const before = this.#fold.get(name);
      this.#bytes += fieldBytes(name, bytes) - (before ? fieldBytes(name, before.bytes) : 0);
      changes.set(name, { offset, bytes });
      this.#fold.set(name, { offset, bytes });
    }
    // Before it is answered: a reader may see it at once.
    this.#commits.push({ head: offset, changes });
    const channel = {
      channel: this.channel,
      head: offset === 1 ? null : offset - 1,
      events: [event(offset, 'x')],
      reducer,
      state: changes,
      stateBytes: this.#bytes,
      seqs: new Map(),
    };
    const commit = { token: TOKEN, rev, epoch, entries: 0, channels: [channel], unreadable: [] };
    const outcome = await engine.commit(0, commit);
    assert.equal(outcome.kind, 'committed');
  }

  check({ offset, state }: Snapshot): void {
    const expected = new Map<string, StateField>();
    for (const { head, changes } of this.#commits) {
      if (head > offset) break;
      for (const [name, field] of changes) expected.set(name, field);
    }
    assert.equal(state.size, expected.size, `fields at ${offset}`);
    for (const [name, field] of expected) {
      const read = state.get(name);
      const isSame =
        read?.offset === field.offset &&
        (read.bytes === field.bytes || (field.bytes && read.bytes && sameBytes(read.bytes, field.bytes)));
      if (!isSame) same({ name, read }, { name, read: field }, `at ${offset}`);
    }
  }
}

async function filled(bench: Bench, fields: number): Promise<Ledger> {
  const ledger = new Ledger(bench, bench.channel());
  for (let i = 0; i < fields; i += 2_000) {
    await ledger.commit(Object.fromEntries(Array.from({ length: 2_000 }, (_, j) => [`f${i + j}`, `${i + j}`])));
  }
  return ledger;
}

/** Few fields at a time, old ones and new ones, changed and deleted. */
async function writeUntil(ledger: Ledger, fields: number, isOver: () => boolean): Promise<void> {
  const random = createRandom(fields);
  while (!isOver()) {
    const count = 1 + random.int(12);
    const names = Array.from({ length: count }, () => `f${random.int(fields + fields / 10)}`);
    await ledger.commit(
      Object.fromEntries(
        names.map((name) => [name, random.chance(0.1) ? null : `${ledger.head}`.repeat(1 + random.int(20))]),
      ),
    );
    // Lets the reader run where the engine answers without ever leaving the queue of microtasks.
    await new Promise(setImmediate);
  }
}

export function largeStateTests(open: Open): void {
  it('of tens of thousands of fields is exact at its offset while commits go on', async () => {
    await using bench = await open();
    const ledger = await filled(bench, 30_000);
    ledger.check(await bench.engine.readState(ledger.channel));
    let isOver = false;
    const writing = writeUntil(ledger, 30_000, () => isOver);
    const before = ledger.commits;
    const snapshots: Snapshot[] = [];
    while (snapshots.length < 12 || ledger.commits - before < 60) {
      const headBefore = ledger.head;
      const snapshot = await bench.engine.readState(ledger.channel);
      assert.ok(snapshot.offset >= headBefore - 1, 'nothing older than when it was asked for');
      if (snapshots.length < 12) snapshots.push(snapshot);
      await new Promise(setImmediate);
    }
    isOver = true;
    await writing;
    for (const snapshot of snapshots) ledger.check(snapshot);
    ledger.check(await bench.engine.readState(ledger.channel));
  });

  it('is of one epoch when a new one begins while it is read', async () => {
    await using bench = await open();
    const ledger = await filled(bench, 10_000);
    const { epoch } = await bench.peek();
    const reading = [bench.engine.readState(ledger.channel), bench.engine.readState(ledger.channel)];
    const renewed = await bench.engine.renew(0, epoch, { kind: 'rev', rev: 1_000_000 });
    assert.equal(renewed.kind, 'renewed');
    reading.push(bench.engine.readState(ledger.channel));
    const [first, second, third] = await Promise.all(reading);
    for (const snapshot of [first!, second!, third!]) ledger.check(snapshot);
    assert.ok([epoch, renewed.epoch].includes(first!.epoch));
    assert.equal(third!.epoch, renewed.epoch);
  });

  it('is the old one or none when it is dropped while it is read, and what comes then is whole', async () => {
    await using bench = await open();
    const ledger = await filled(bench, 10_000);
    const { epoch } = await bench.peek();
    const reading = bench.engine.readState(ledger.channel);
    const dropped = { channel: ledger.channel, events: ['x'], reducer: 'tally', refold: 7, stateBytes: 0 };
    const head = ledger.head + 1;
    const [snapshot] = await Promise.all([reading, bench.commit(0, [dropped])]);
    if (snapshot.epoch === epoch) ledger.check(snapshot);
    else same(snapshot, { epoch: channelEpoch(epoch, 7), offset: head, state: new Map() });
    await bench.commit(0, [
      {
        channel: ledger.channel,
        events: ['y'],
        reducer: 'tally',
        state: new Map([['a', { offset: 6, bytes: bytesOf('1') }]]),
      },
    ]);
    const { state } = await bench.engine.readState(ledger.channel);
    same(state, new Map([['a', { offset: 6, bytes: bytesOf('1') }]]));
    const { channels } = await bench.engine.load(0, [{ channel: ledger.channel, froms: [], withState: true }]);
    same(channels[0]!.state, state);
  });

  it('is left out of a load, which says all the rest', async () => {
    await using bench = await open();
    const state = (bytes: number) => new Map([['f', { offset: 1, bytes: new Uint8Array(bytes) }]]);
    const overhead = weightOf(state(0));
    const [fits, exceeds] = [bench.channel(), bench.channel()];
    const largest = LOAD_STATE_MAX_BYTES - overhead;
    await bench.commit(0, [
      { channel: fits, events: ['x'], reducer: 'latest', state: state(largest), seqs: { 'p.1': 3 } },
      { channel: exceeds, events: ['x'], reducer: 'latest', state: state(largest + 1), seqs: { 'p.1': 4 } },
    ]);
    const wish = (channel: Channel) => ({ channel, froms: ['p.1'], withState: true });
    const { channels } = await bench.engine.load(0, [wish(exceeds), wish(fits)]);
    same(channels, [
      { head: 1, reducer: 'latest', state: null, seqs: [4] },
      { head: 1, reducer: 'latest', state: state(largest), seqs: [3] },
    ]);
    same((await bench.engine.readState(exceeds)).state, state(largest + 1));
    const unwished = await bench.engine.load(0, [{ ...wish(exceeds), withState: false }]);
    same(unwished.channels[0]!.state, new Map());
  });

  it('is left out of a load that has enough of others', async () => {
    await using bench = await open();
    const bytes = LOAD_STATE_MAX_BYTES / 2;
    const state = new Map([['f', { offset: 1, bytes: new Uint8Array(bytes) }]]);
    const channels = Array.from({ length: 20 }, () => bench.channel());
    for (const channel of channels) {
      const { events } = await bench.peek();
      await bench.commit(0, [
        {
          channel,
          events: ['x'],
          reducer: 'latest',
          state: new Map([['f', { offset: events + 1, bytes: state.get('f')!.bytes }]]),
        },
      ]);
    }
    const loaded = await bench.engine.load(
      0,
      channels.map((channel) => ({ channel, froms: [], withState: true })),
    );
    const given = loaded.channels.map(({ state: read }) => read !== null);
    const count = given.filter(Boolean).length;
    assert.equal(count, Math.floor(LOAD_MAX_BYTES / weightOf(state)));
    assert.deepEqual(
      given,
      channels.map((_, i) => i < count),
    );
    assert.ok(loaded.channels.every(({ head }) => head !== null));
  });

  it('that grows small again is in a load again', async () => {
    await using bench = await open();
    const channel = bench.channel();
    const put = (bytes: number) =>
      bench.bounds(channel).then(({ head }) =>
        bench.commit(0, [
          {
            channel,
            events: ['x'],
            reducer: 'latest',
            state: new Map([['f', { offset: head + 1, bytes: new Uint8Array(bytes) }]]),
          },
        ]),
      );
    const loaded = async () =>
      (await bench.engine.load(0, [{ channel, froms: [], withState: true }])).channels[0]!.state;
    await put(LOAD_STATE_MAX_BYTES);
    assert.equal(await loaded(), null);
    await put(10);
    assert.equal((await loaded())?.size, 1);
  });
}
