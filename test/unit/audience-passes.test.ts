/** An audience that is written to without an end still leaves the event loop its turns: one portion at a time. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { assemble, type Client, Log, settle } from '../support/gateway-parts.ts';
import { waitFor } from '../support/wait.ts';

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
