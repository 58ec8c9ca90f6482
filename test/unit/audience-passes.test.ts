/** An audience that is written to without an end still leaves the event loop its turns: one portion at a time. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { assemble, Log, settle } from '../support/gateway-parts.ts';

/** A pass takes more than one portion of 512, and events come faster than passes end. */
const STREAMS = 1_100;
const TURNS = 60;

it('events that come faster than a pass ends do not make more passes run at once', async () => {
  let portions = 0;
  const log = new Log('room', 1_024);
  const { come } = await assemble(
    [log],
    0,
    () => 0,
    () => portions++,
  );
  const clients = Array.from({ length: STREAMS }, () => come());
  const perTurn: number[] = [];
  for (let turn = 0; turn < TURNS; turn++) {
    portions = 0;
    log.commit(['ann.1']);
    await new Promise<void>((resolve) => setImmediate(resolve));
    perTurn.push(portions);
  }
  await settle();
  // The last of a pass, and the first of one that an event begins when nothing is under way.
  assert.ok(Math.max(...perTurn) <= 2, `portions in each turn: ${perTurn}`);
  const expected = Array.from({ length: TURNS }, (_, i) => i + 1);
  for (const { lines } of clients) {
    assert.deepEqual(
      lines.map(({ offset }) => offset),
      expected,
    );
  }
});
