/**
 * Thousands of streams and polls that are told in the same moment that they are over, or may go on: some in each turn of the event loop,
 * and each of them. The clock goes on by each look at it, so that a slice is so many steps whatever machine this runs on.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Follower, Principal } from '../../src/access/access.ts';
import { everybody } from '../../src/access/principal.ts';
import { revokedToken } from '../../src/access/refused-token.ts';
import type { Channel } from '../../src/domain/channel.ts';
import { standingOf } from '../../src/gateway/routes/poll-standing.ts';
import { createRenewal, type Renewal } from '../../src/gateway/stream/renewal.ts';
import type { Stream } from '../../src/gateway/stream/stream.ts';
import { createTurns } from '../../src/gateway/turns.ts';
import { lines, noRest } from '../support/gateway-parts.ts';

const COUNT = 1_000;
const LOOK_MS = 0.02;
/** As many looks as there are in 5 ms: each takes one at least. */
const PER_TURN_MAX = 5 / LOOK_MS;

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

function open() {
  let looks = 0;
  const clock = { wallMs: () => 0, elapsedMs: () => LOOK_MS * looks++ };
  const ended: Stream[] = [];
  const failed: Stream[] = [];
  const turns = createTurns(clock, noRest);
  const renewal = createRenewal({
    ...{ clock, turns, streamMaxAgeMs: 0 },
    due: () => false,
    end(stream) {
      if (stream.writtenMs === 1) throw new Error('of this one');
      ended.push(stream);
    },
    failed: (stream) => void failed.push(stream),
  });
  const written: string[] = [];
  const stream = (i: number) =>
    ({
      ...{ isClosed: i % 10 === 9, writtenMs: i % 10 === 8 ? 1 : 0, leavesMs: 0, leavesFor: 'age' },
      ...{ audience: { hubs: [{ channel: 'a' }], format: lines }, transport: { isFull: false } },
      identity: { sub: 'one', expiresMs: 60_000 },
      write: (text: string) => void written.push(text),
    }) as unknown as Stream;
  return { clock, turns, renewal, ended, failed, written, streams: Array.from({ length: COUNT }, (_, i) => stream(i)) };
}

/** @returns The most that was done in a turn. */
async function mostPerTurn(done: () => number, wanted: number): Promise<number> {
  let before = 0;
  let most = done();
  for (let turns = 0; done() < wanted; turns++) {
    assert.ok(turns < 10 * COUNT, `no more than ${done()} of ${wanted}`);
    before = done();
    await turn();
    most = Math.max(most, done() - before);
  }
  assert.equal(done(), wanted);
  return most;
}

describe(`${COUNT} streams in the same moment`, () => {
  const tellings: Record<string, (renewal: Renewal, stream: Stream) => void> = {
    'are signed out': (renewal, stream) => renewal.signedOut(stream, revokedToken()),
    'have expired': (renewal, stream) => renewal.expired(stream),
  };
  for (const [what, tell] of Object.entries(tellings)) {
    it(`${what} in turns, but for those that are closed; what goes wrong with one is that one's`, async () => {
      const { renewal, streams, ended, failed } = open();
      for (const each of streams) tell(renewal, each);
      const most = await mostPerTurn(() => ended.length + failed.length, 0.9 * COUNT);
      assert.ok(most <= PER_TURN_MAX, `${most} in one turn`);
      assert.equal(failed.length, COUNT / 10);
    });
  }

  it('are renewed in turns', async () => {
    const { renewal, streams, written } = open();
    for (const each of streams) renewal.renewed(each, everybody);
    const most = await mostPerTurn(() => written.length, 0.9 * COUNT);
    assert.ok(most <= PER_TURN_MAX, `${most} in one turn`);
  });
});

it(`${COUNT} polls that wait end in turns`, async () => {
  const deps = open();
  const followers: Follower[] = [];
  const identity = {
    ...{ sub: 'one', expiresMs: Number.POSITIVE_INFINITY },
    follow: (follower: Follower) => void followers.push(follower),
  };
  let ended = 0;
  const standing = standingOf({ ...everybody, identity } as Principal, ['a' as Channel], deps);
  const leave = deps.streams.map(() => standing(() => ended++));
  for (const follower of followers) follower.ended(revokedToken());
  const most = await mostPerTurn(() => ended, COUNT);
  assert.ok(most <= PER_TURN_MAX, `${most} in one turn`);
  for (const each of leave) each();
});
