/**
 * What concerns all streams of an audience at once is done in slices, with turns of the event loop in between, and no stream
 * is lost, written to out of order or told anything twice by that. The clock here goes on by each look at it, so that a
 * slice is so many steps whatever machine this runs on.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Format } from '../../src/gateway/formats/format.ts';
import { assemble, Client, Log, lines, settle } from '../support/gateway-parts.ts';
import { DEADLINE_MS } from '../support/wait.ts';

const STREAMS = 4_000;
const LOOK_MS = 0.02;
/** As many looks as there are in 5 ms: every piece of work takes one at least. */
const SLICE_STREAMS = 5 / LOOK_MS;

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
const offsetsOf = (client: Client) => client.lines.map(({ control, offset }) => control ?? offset);

/** Leaves its clients' connections open, and can be left. */
class Leaving extends Client {
  override isClosed = false;
}

async function open(log: Log, conflateMs = 0, timeOf: () => number = () => 0) {
  let looks = 0;
  const parts = await assemble([log], conflateMs, () => timeOf() + LOOK_MS * looks++);
  const clients: Leaving[] = [];
  for (let i = 0; i < STREAMS; i++) {
    const client = new Leaving();
    parts.connect(client, [log.hub.head]);
    clients.push(client);
    if (i % 100 === 0) await turn();
  }
  return { ...parts, clients };
}

/** Turn by turn until all have been written to. @returns How many were, in the turn in which most were. */
async function writtenPerTurn(clients: readonly Client[], isDone: () => boolean): Promise<number> {
  let most = 0;
  const total = () => clients.reduce((sum, { writes }) => sum + writes, 0);
  const untilMs = performance.now() + DEADLINE_MS;
  for (let before = total(); !isDone(); ) {
    assert.ok(performance.now() < untilMs, 'some were never written to');
    await turn();
    const now = total();
    most = Math.max(most, now - before);
    before = now;
  }
  return most;
}

it('streams whose log was renewed start over in slices, from one state and with the same bytes', async () => {
  const log = new Log('room', 1_024);
  const { clients } = await open(log);
  log.commit(['ann.1']);
  await writtenPerTurn(clients, () => clients.every(({ writes }) => writes === 1));
  const renewed = log.renew();
  const most = await writtenPerTurn(clients, () => clients.every(({ writes }) => writes === 2));
  await renewed;
  assert.ok(most <= SLICE_STREAMS, `${most} streams in one turn`);
  assert.equal(log.stateReads, 1);
  assert.equal(new Set(clients.map(({ last }) => last)).size, 1, 'each has bytes of its own');
  log.commit(['ann.1']);
  await writtenPerTurn(clients, () => clients.every(({ writes }) => writes === 3));
  for (const client of clients) assert.deepEqual(offsetsOf(client), [1, '$sync', '$snapshot', 2]);
});

it('in the middle of it streams come, go, get events and start over again', async () => {
  const log = new Log('room', 1_024);
  const { clients, come } = await open(log);
  // The hub has the new log, and its streams have just begun to start over.
  await log.renew();
  for (let i = 0; i < 4; i++) await turn();
  const late = come();
  const gone = clients.filter((_, i) => i % 7 === 0);
  for (const client of gone) client.isClosed = true;
  log.commit(['ann.1']);
  await turn();
  await log.renew('cccccc3');
  for (let i = 0; i < 4; i++) await turn();
  log.commit(['ann.1']);
  const left = [...clients.filter(({ isClosed }) => !isClosed), late];
  await writtenPerTurn(left, () => left.every((client) => offsetsOf(client).at(-1) === 2));
  log.commit(['ann.1']);
  await writtenPerTurn(left, () => left.every((client) => offsetsOf(client).at(-1) === 3));
  for (const client of left) {
    const told = offsetsOf(client);
    const events = told.filter((what) => typeof what === 'number');
    assert.equal(new Set(events).size, events.length, `told twice: ${told}`);
    assert.deepEqual(told.slice(-2), [2, 3]);
  }
  for (const client of gone) assert.ok(!offsetsOf(client).includes(3));
});

it('streams that come back at once are told what they missed in slices', async () => {
  const log = new Log('room', 1_024);
  let looks = 0;
  const { connect } = await assemble([log], 0, () => LOOK_MS * looks++);
  log.commit(['ann.1']);
  const clients = Array.from({ length: STREAMS }, () => new Client());
  for (const client of clients) connect(client, [0]);
  const atOnce = clients.filter(({ writes }) => writes > 0).length;
  assert.ok(atOnce <= SLICE_STREAMS, `${atOnce} streams at once`);
  const most = await writtenPerTurn(clients, () => clients.every(({ writes }) => writes === 1));
  assert.ok(most <= SLICE_STREAMS, `${most} streams in one turn`);
});

for (const conflateMs of [0, 1_000]) {
  it(`the first event of a channel that was empty is as any other, conflated ${conflateMs} ms`, async () => {
    const log = new Log('room', 1_024);
    let nowMs = 0;
    const { clients, come } = await open(log, conflateMs, () => nowMs);
    await log.moveOn(10);
    await log.moveOn(20);
    const late = come();
    await settle();
    const { reads } = log;
    nowMs += 10_000;
    log.commit(['ann.1']);
    const most = await writtenPerTurn(clients, () => clients.every(({ writes }) => writes === 1));
    for (const client of [...clients, late]) assert.deepEqual(offsetsOf(client), [31]);
    assert.ok(log.reads - reads <= 1, `${log.reads - reads} reads of history`);
    assert.ok(most <= 2 * 512, `${most} streams in one turn`);
  });
}

it('large changes are several chunks, in as many turns, and who comes meanwhile misses nothing', async () => {
  const log = new Log('room', 1_024);
  const { come } = await assemble([log], 0, () => 0);
  const early = come();
  const bytes = 300_000;
  log.commit(Array(20).fill('ann.1'), '\u0001'.repeat(bytes / 6));
  await turn();
  assert.ok(early.writes > 0 && early.lines.length < 20, `${early.lines.length} at once`);
  const middle = come();
  const behind = come([5]);
  for (let i = 0; i < 10; i++) await settle();
  const all = Array.from({ length: 20 }, (_, i) => i + 1);
  assert.deepEqual(offsetsOf(early), all);
  assert.deepEqual(offsetsOf(behind), all.slice(5));
  assert.ok(early.longest <= (256 << 10) + bytes + 1_000, `${early.longest} bytes in one write`);
  log.commit(['ann.1']);
  await settle();
  assert.deepEqual(offsetsOf(middle), [21]);
});

it('of changes that take long to encode there are fewer in one turn', async () => {
  const log = new Log('room', 1_024);
  let nowMs = 0;
  let encoded = 0;
  const format: Format = {
    ...lines,
    event(...told) {
      nowMs += 3;
      encoded++;
      return lines.event(...told);
    },
    pieces: (...told) => [format.event(...told)],
  };
  const { come } = await assemble([log], 0, () => nowMs, { format });
  const client = come();
  log.commit(Array(10).fill('ann.1'), 'x'.repeat(300_000));
  const perTurn: number[] = [];
  for (let before = 0; encoded < 10; before = encoded) {
    await turn();
    perTurn.push(encoded - before);
    assert.ok(perTurn.length < 100, 'some are never encoded');
  }
  assert.equal(Math.max(...perTurn), 2, `encoded in each turn: ${perTurn}`);
  await settle();
  assert.equal(client.lines.length, 10);
});
