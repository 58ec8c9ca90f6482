/** Catching up: what waits for a client that does not read is bounded, and one that reads gets every event once, in order. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assemble, BUFFER_BYTES, Log, settle } from '../support/gateway-parts.ts';
import { SlowTransport } from '../support/slow-transport.ts';

/** What a connection may have when it is not yet full, and a portion in a format that makes it up to twice as long. */
const WAITING_MAX_BYTES = 3 * BUFFER_BYTES;
/** As many as a ring holds. */
const RING_EVENTS = 1_024;
const KEPT = 10 * RING_EVENTS;
/** Far more than anything here takes. */
const TURNS_MAX = 500;

interface Fill {
  readonly channel: string;
  readonly count: number;
  readonly change: string;
  readonly where?: 'ring' | 'history';
  readonly nameOf?: (i: number) => string;
}

async function open(fills: readonly Fill[], conflateMs = 0, kept = KEPT, isPastClosed = false) {
  const logs = fills.map(({ channel }) => new Log(channel, kept));
  await settle();
  for (const [i, { count, change, where, nameOf = () => 'ann' }] of fills.entries()) {
    const { hub } = logs[i]!;
    logs[i]!.commit(
      upTo(count).map((n) => `${nameOf(n)}.1`),
      change,
    );
    while (where === 'history' && hub.covers({ epoch: hub.epoch, offset: count - 2 })) hub.shrink();
  }
  const { audience, connect } = await assemble(logs, conflateMs, () => 0, { isPastClosed });
  /** A stream from before the first event, if nothing else is said. */
  const come = (takesBytes = 0, offsets = logs.map(() => 0)) => {
    const transport = new SlowTransport(takesBytes);
    connect(transport, offsets);
    return transport;
  };
  return { logs, audience, come };
}

/** Lets the client take what it takes, and something happen, until a condition holds. Tells how much waited at most. */
async function takeUntil(reader: SlowTransport, isDone: () => boolean, happens: (turn: number) => void = () => {}) {
  let most = 0;
  for (let turn = 0; !isDone(); turn++) {
    assert.ok(turn < TURNS_MAX, `after ${turn} turns it has ${reader.lines.length} events`);
    happens(turn);
    reader.take();
    await settle();
    most = Math.max(most, reader.waitingBytes);
  }
  return most;
}

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);
const offsetsOf = ({ lines }: SlowTransport, of?: string) =>
  lines.filter(({ channel }) => of === undefined || channel === of).map(({ offset }) => offset);
const lengthOf = ({ writes }: SlowTransport) => writes.length;

describe('a client that never reads', () => {
  const full = { count: RING_EVENTS };
  const cases: Record<string, { fills: readonly Fill[]; conflateMs?: number }> = {
    'a ring of large changes': { fills: [{ ...full, channel: 'a', change: 'x'.repeat(4000) }] },
    'a history of larger ones': { fills: [{ ...full, channel: 'a', change: 'x'.repeat(16_000), where: 'history' }] },
    'sixteen rings': { fills: upTo(16).map((i) => ({ ...full, channel: `c-${i}`, change: 'x'.repeat(1000) })) },
    'bytes that the format escapes': { fills: [{ ...full, channel: 'a', change: '\u0001'.repeat(1000) }] },
    'the newest of a thousand names': {
      fills: [{ ...full, channel: 'a', change: 'x'.repeat(1000), nameOf: (i) => `n${i}` }],
      conflateMs: 10,
    },
  };
  for (const [what, { fills, conflateMs }] of Object.entries(cases)) {
    it(`is not written more than a portion past full: ${what}`, async () => {
      const { come } = await open(fills, conflateMs);
      const deaf = upTo(10).map(() => come());
      await settle();
      for (const { waitingBytes } of deaf) {
        assert.ok(waitingBytes > 0 && waitingBytes < WAITING_MAX_BYTES, `${waitingBytes} bytes wait`);
      }
      const held = new Set(deaf.flatMap(({ writes }) => writes));
      assert.equal(held.size, lengthOf(deaf[0]!), 'those who stand where others do share their bytes');
    });
  }

  it('does not join its audience once it is gone', async () => {
    const { come, logs } = await open([{ channel: 'a', count: 10, change: 'x'.repeat(12_000) }]);
    const deaf = come();
    await settle();
    // It has joined, and lets go again, with little left.
    logs[0]!.commit(['ann.1']);
    await settle();
    assert.equal(deaf.isFull, true);
    const before = lengthOf(deaf);
    deaf.destroy();
    await settle();
    logs[0]!.commit(['ann.1']);
    await settle();
    assert.equal(lengthOf(deaf), before);
  });
});

describe('a client that reads slowly', () => {
  for (const where of ['ring', 'history'] as const) {
    it(`gets every event of three channels once, in order, from the ${where}, while more comes`, async () => {
      const change = 'x'.repeat(4000);
      const { come, logs } = await open(upTo(3).map((i) => ({ channel: `c-${i}`, count: 150 * i, change, where })));
      const reader = come(50_000);
      const isDone = () => reader.lines.length === logs.reduce((sum, { hub }) => sum + hub.head, 0);
      const most = await takeUntil(reader, isDone, (turn) => {
        if (turn < 60 && turn % 3 === 0) for (const log of logs) log.commit(['ann.1'], change);
      });
      for (const { channel, hub } of logs) assert.deepEqual(offsetsOf(reader, channel), upTo(hub.head));
      assert.ok(most < WAITING_MAX_BYTES, `${most} bytes waited`);
    });
  }

  for (const busy of [0, 1]) {
    it(`is told of both channels when there is always more in number ${busy}`, async () => {
      const change = 'x'.repeat(4000);
      const { come, logs } = await open(['a', 'b'].map((channel) => ({ channel, count: 200, change })));
      const reader = come(100_000);
      const isDone = () => offsetsOf(reader, logs[1 - busy]!.channel).length === 200;
      await takeUntil(reader, isDone, () => logs[busy]!.commit(Array(25).fill('ann.1'), change));
      assert.ok(offsetsOf(reader, logs[busy]!.channel).length < logs[busy]!.hub.head, 'there was no more');
    });
  }

  it('costs few reads of the same history', async () => {
    const { come, logs } = await open([
      { channel: 'a', count: RING_EVENTS, change: 'x'.repeat(16_000), where: 'history' },
    ]);
    const reader = come(100_000);
    await takeUntil(reader, () => reader.lines.length === RING_EVENTS);
    assert.deepEqual(offsetsOf(reader), upTo(RING_EVENTS));
    const times = logs[0]!.readBytes / (RING_EVENTS * 16_000);
    assert.ok(times < 6, `read ${times} times`);
  });
});

describe('a client that is slower than its history is trimmed', () => {
  const kept = 100;
  const change = 'x'.repeat(1000);
  const fill = { channel: 'a', count: 10, change };
  const resetsOf = ({ lines }: SlowTransport) =>
    lines.flatMap(({ control, data }) => (control === '$sync' ? [data] : []));
  const offsetsIn = (reader: SlowTransport) => offsetsOf(reader, 'a').map((offset) => offset!);
  const lostOf = (data: unknown) => (data as { channels: { a: { lost: number } } } | undefined)?.channels.a.lost ?? 0;

  it('goes on from the oldest kept event, and is told what is gone', async () => {
    const { come, logs } = await open([fill], 0, kept);
    const reader = come(0, [10]);
    await settle();
    // Fills its connection, and then leaves it behind.
    for (let i = 0; i < 5; i++) {
      logs[0]!.commit(Array(kept).fill('ann.1'), change);
      logs[0]!.hub.shrink();
      await settle();
    }
    const got = offsetsIn(reader);
    reader.takeAll();
    await settle();
    assert.deepEqual(resetsOf(reader).map(lostOf), [410 - got.at(-1)!]);
    assert.deepEqual(offsetsIn(reader), [...got, ...upTo(kept).map((n) => 410 + n)]);
  });

  it('goes on from now where it may not read what was', async () => {
    const { come, logs } = await open([fill], 0, kept, true);
    const reader = come(0, [10]);
    await settle();
    for (let i = 0; i < 5; i++) {
      logs[0]!.commit(Array(kept).fill('ann.1'), change);
      logs[0]!.hub.shrink();
      await settle();
    }
    const got = offsetsIn(reader);
    reader.takeAll();
    await settle();
    logs[0]!.commit(['ann.1']);
    await settle();
    assert.deepEqual(offsetsIn(reader), [...got, logs[0]!.hub.head]);
  });

  it('goes on from now when it is overtaken on its way, and is told so', async () => {
    const { come, logs } = await open([fill], 0, kept);
    const reader = come(50_000, [10]);
    const { hub } = logs[0]!;
    const isDone = () => lostOf(resetsOf(reader).at(-1)) > kept;
    await takeUntil(reader, isDone, () => {
      logs[0]!.commit(Array(2 * kept).fill('ann.1'), change);
      while (hub.canShrink) hub.shrink();
    });
    const last = offsetsIn(reader).at(-1)!;
    assert.equal(lostOf(resetsOf(reader).at(-1)), hub.head - last);
    reader.takeAll();
    logs[0]!.commit(['ann.1']);
    await settle();
    assert.deepEqual(offsetsIn(reader).slice(-2), [last, hub.head]);
  });
});

describe('the usual case', () => {
  for (const where of ['ring', 'history'] as const) {
    it(`a resume with 100 small events from the ${where} is one write, of the same bytes for all`, async () => {
      const { come, logs } = await open([{ channel: 'a', count: 100, change: 'x'.repeat(20), where }]);
      const before = logs[0]!.reads;
      const readers = upTo(100).map(() => come(1 << 20));
      await settle();
      for (const reader of readers) {
        assert.equal(lengthOf(reader), 1);
        assert.deepEqual(offsetsOf(reader), upTo(100));
      }
      assert.equal(new Set(readers.flatMap(({ writes }) => writes)).size, 1);
      assert.equal(logs[0]!.reads - before, where === 'ring' ? 0 : 1);
    });
  }

  it('three pages of history for a hundred who return are three reads', async () => {
    const { come, logs } = await open([{ channel: 'a', count: RING_EVENTS, change: 'x'.repeat(20), where: 'history' }]);
    const before = logs[0]!.reads;
    const readers = upTo(100).map(() => come(1 << 20));
    await settle();
    for (const reader of readers) assert.deepEqual(offsetsOf(reader), upTo(RING_EVENTS));
    assert.ok(logs[0]!.reads - before <= 3, `${logs[0]!.reads - before} reads`);
    assert.equal(new Set(readers.flatMap(({ writes }) => writes)).size, lengthOf(readers[0]!));
  });

  it('a whole ring for a client that takes it leaves others their turn', async () => {
    const { come } = await open([{ channel: 'a', count: RING_EVENTS, change: 'x'.repeat(4000) }]);
    const reader = come(1 << 30);
    await new Promise(setImmediate);
    assert.ok(reader.lines.length < RING_EVENTS, 'all of it in one turn');
    await settle();
    assert.deepEqual(offsetsOf(reader), upTo(RING_EVENTS));
  });

  it('a whole ring of one publisher is one frame where it is conflated', async () => {
    const { come } = await open([{ channel: 'a', count: RING_EVENTS, change: 'x'.repeat(1000) }], 20);
    const reader = come(1 << 20);
    await takeUntil(reader, () => reader.lines.length > 0);
    assert.deepEqual(
      reader.lines.map(({ control, offset }) => control ?? offset),
      ['$lagged', RING_EVENTS],
    );
  });

  it('what only a conflating audience has, no ring any more, waits for its flush', async () => {
    const change = 'x'.repeat(1000);
    const { come, logs, audience } = await open([{ channel: 'a', count: 1, change }], 1e6);
    const froms = upTo(2 * RING_EVENTS).map((i) => `n${i % 100}.1`);
    logs[0]!.commit(froms.slice(0, RING_EVENTS), change);
    logs[0]!.commit(froms.slice(RING_EVENTS), change);
    const reader = come(1 << 20, [1]);
    await settle();
    assert.equal(lengthOf(reader), 0);
    audience.flush();
    assert.equal(reader.lines.filter(({ control }) => !control).length, 100);
    audience.close();
  });
});
