/** What every stream of an audience goes through takes as many turns as it needs, and what goes wrong with one is that one's. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { eachInTurn } from '../../src/gateway/audience/each-in-turn.ts';
import type { Recipient } from '../../src/gateway/audience/recipient.ts';
import { createTurns } from '../../src/gateway/turns.ts';
import { noRest } from '../support/gateway-parts.ts';

const STREAMS = 1_000;
const LOOK_MS = 0.1;
/** As many looks at the clock as there are in 5 ms: each stream takes one at least. */
const SLICE_STREAMS = 5 / LOOK_MS;

function start() {
  let looks = 0;
  const turns = createTurns({ wallMs: () => 0, elapsedMs: () => LOOK_MS * looks++ }, noRest);
  const failed: [number, unknown][] = [];
  const streams = Array.from({ length: STREAMS }, (_, i) => ({
    isClosed: false,
    detach: () => undefined,
    fail: (error: unknown) => void failed.push([i, error]),
  }));
  return { turns, streams: streams as unknown as (Recipient & { isClosed: boolean })[], failed };
}

it('is done in slices, and not to streams that were closed meanwhile', async () => {
  const { turns, streams } = start();
  const done: Recipient[] = [];
  const all = eachInTurn(turns, streams, (stream) => done.push(stream));
  assert.ok(done.length <= SLICE_STREAMS, `${done.length} at once`);
  streams.at(-1)!.isClosed = true;
  let most = 0;
  for (let before = done.length; done.length < STREAMS - 1; before = done.length) {
    await new Promise<void>((resolve) => setImmediate(resolve));
    assert.ok(done.length > before, 'a turn in which nothing was done');
    most = Math.max(most, done.length - before);
  }
  await all;
  assert.ok(most <= SLICE_STREAMS, `${most} in one turn`);
  assert.deepEqual(done, streams.slice(0, -1));
});

it('ends the one with which something goes wrong, and no other', async () => {
  const { turns, streams, failed } = start();
  let done = 0;
  const error = new Error('a bug');
  await assert.doesNotReject(
    eachInTurn(turns, streams, (stream) => {
      if (stream === streams[7]) throw error;
      done++;
    }),
  );
  assert.deepEqual(failed, [[7, error]]);
  assert.equal(done, STREAMS - 1);
});
