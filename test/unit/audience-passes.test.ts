/** An audience that is written to without an end still leaves the event loop its turns: one portion at a time. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Format } from '../../src/gateway/formats/format.ts';
import { assemble, Client, Log, lines, settle } from '../support/gateway-parts.ts';
import { DEADLINE_MS, waitFor } from '../support/wait.ts';

/** A pass takes more than one portion of 512, and events come faster than passes end. */
const STREAMS = 1_100;
const TURNS = 60;
const PORTIONS = 3;

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
const offsetsOf = (client: Client) => client.lines.map(({ control, offset }) => control ?? offset);

/** Streams of one channel, and a pass over them that is under way. */
async function amidPass(conflateMs = 0, streams = STREAMS) {
  const log = new Log('room', 1_024);
  let nowMs = conflateMs;
  const { audience, come } = await assemble([log], conflateMs, () => nowMs);
  const clients = Array.from({ length: streams }, () => come());
  nowMs += conflateMs;
  log.commit(['ann.1']);
  await turn();
  assert.deepEqual([clients[0]!.writes, clients.at(-1)!.writes], [1, 0]);
  return { log, audience, come, clients, pass: () => (nowMs += conflateMs) };
}

it('events that come faster than a pass ends do not make more passes run at once', async () => {
  let portions = 0;
  const log = new Log('room', 1_024);
  const { come } = await assemble([log], 0, () => 0, { onDelivered: () => portions++ });
  const clients = Array.from({ length: STREAMS }, () => come());
  const perTurn: number[] = [];
  for (let i = 0; i < TURNS; i++) {
    portions = 0;
    log.commit(['ann.1']);
    await turn();
    perTurn.push(portions);
  }
  await settle();
  // The last of a pass, and the first of one that an event begins when nothing is under way.
  assert.ok(Math.max(...perTurn) <= 2, `portions in each turn: ${perTurn}`);
  const expected = Array.from({ length: TURNS }, (_, i) => i + 1);
  for (const client of clients) {
    assert.deepEqual(offsetsOf(client), expected);
    assert.ok(client.writes <= TURNS / PORTIONS + 2, `what comes during a pass goes in one write: ${client.writes}`);
  }
});

it('who comes during a pass is told what was gathered for the next, once', async () => {
  const { log, come, clients } = await amidPass();
  log.commit(['ann.1']);
  await turn();
  const late = [come([0]), come([1]), come([2])];
  log.commit(['ann.1']);
  await settle();
  assert.deepEqual(late.map(offsetsOf), [[1, 2, 3], [2, 3], [3]]);
  for (const client of clients) assert.deepEqual(offsetsOf(client), [1, 2, 3]);
});

it('who waits for a flush that comes during a pass is told of it once', async () => {
  const { log, come, clients, pass } = await amidPass(1_000);
  pass();
  log.commit(['ann.1']);
  const late = [come([0]), come([1]), come([2])];
  await settle();
  assert.deepEqual(late.map(offsetsOf), [['$lagged', 2], [2], []]);
  for (const client of clients) assert.deepEqual(offsetsOf(client), [1, 2]);
});

it('of a log that is no more, nothing that was gathered is told', async () => {
  // The pass is to be under way still when the store has been asked.
  const { log, clients } = await amidPass(0, 10 * STREAMS);
  log.commit(['ann.1']);
  await turn();
  await log.renew();
  await settle();
  log.commit(['ann.1']);
  await waitFor(() => offsetsOf(clients.at(-1)!).includes(3), { what: 'the last to be told' });
  assert.deepEqual(offsetsOf(clients[0]!), [1, '$sync', '$snapshot', 3]);
  assert.deepEqual(offsetsOf(clients.at(-1)!), ['$sync', '$snapshot', 3]);
});

/** Thousands of these cost next to nothing: what they are given is only counted. */
class Light extends Client {
  bytes = 0;

  override write(bytes: Buffer | string): void {
    const { length } = bytes;
    this.writes++;
    this.bytes += length;
    this.longest = Math.max(this.longest, length);
  }
}

/** Streams of one channel whose frames are so long, all up to date. */
async function openLight(streams: number, frameLength: number, conflateMs = 0) {
  const log = new Log('room', 1_024);
  const frame = 'x'.repeat(frameLength);
  const made = { bytes: 0 };
  const format: Format = {
    ...lines,
    event() {
      made.bytes += frameLength;
      return frame;
    },
  };
  let nowMs = conflateMs;
  const { connect } = await assemble([log], conflateMs, () => nowMs, { format });
  const clients = Array.from({ length: streams }, () => new Light());
  for (const client of clients) connect(client, [0]);
  await settle();
  return { log, clients, made, pass: () => (nowMs += conflateMs) };
}

async function turnsUntil(isDone: () => boolean): Promise<void> {
  const untilMs = performance.now() + DEADLINE_MS;
  while (!isDone()) {
    assert.ok(performance.now() < untilMs, 'it never comes');
    await turn();
  }
}

it('during one pass so much is made and no more; what is left comes from the ring, once', async () => {
  const MIB = 1 << 20;
  const { log, clients, made } = await openLight(6 * 512, 2 * MIB);
  log.commit(Array(24).fill('ann.1'));
  await turnsUntil(() => clients.at(-1)!.writes > 0);
  // 8 MiB, and what may be made in the turn in which they are exceeded.
  assert.ok(made.bytes <= 16 * MIB, `${made.bytes} bytes were made before the first pass was over`);
  await turnsUntil(() => clients.every(({ bytes }) => bytes >= 48 * MIB));
  await settle();
  assert.ok(clients.every(({ bytes }) => bytes === 48 * MIB));
  assert.equal(made.bytes, 48 * MIB);
});

for (const conflateMs of [0, 1_000]) {
  it(`a log that begins anew while no more may be made is told of from then on, conflated ${conflateMs} ms`, async () => {
    const MIB = 1 << 20;
    // The pass is to be under way still when the store has been asked.
    const { log, clients, made, pass } = await openLight(40 * 512, 2 * MIB, conflateMs);
    pass();
    log.commit(Array.from({ length: 24 }, (_, i) => `name${i}.1`));
    await turnsUntil(() => made.bytes > 8 * MIB);
    await log.renew();
    assert.equal(clients.at(-1)!.writes, 0, 'no pass is under way');
    // Each is told of the new one.
    await turnsUntil(() => clients.every(({ writes }) => writes > 0));
    const before = clients.map(({ bytes }) => bytes);
    pass();
    log.commit(['ann.1']);
    await turnsUntil(() => clients.every(({ bytes }, i) => bytes > before[i]!));
  });
}

it('what is gathered during a pass goes in writes of a bounded length', async () => {
  const { log, clients } = await openLight(STREAMS, 100_000);
  log.commit(['ann.1']);
  await turn();
  assert.equal(clients.at(-1)!.writes, 0, 'no pass is under way');
  log.commit(Array(12).fill('ann.1'));
  await turnsUntil(() => clients.every(({ bytes }) => bytes === 13 * 100_000));
  const longest = Math.max(...clients.map((client) => client.longest));
  assert.ok(longest <= (256 << 10) + 100_000, `${longest} bytes in one write`);
});
