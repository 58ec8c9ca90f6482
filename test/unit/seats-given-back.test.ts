/** Whatever becomes of a stream or a poll that waits, its seat is given back, and once. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { anonymousAccess } from '../../src/access/anonymous.ts';
import type { Seat, Seats } from '../../src/access/limits.ts';
import { everybody } from '../../src/access/principal.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { EngineUnavailable, Problem } from '../../src/errors.ts';
import { startHttpGateway } from '../support/http-gateway.ts';
import { waitFor } from '../support/wait.ts';

interface Watched extends Seats {
  readonly given: () => number;
  /** Those that are taken now; asserts that none was given back twice. */
  readonly taken: () => number;
}

function watchedSeats(): Watched {
  const taken = new Set<number>();
  let next = 0;
  let twice = 0;
  return {
    given: () => next,
    taken() {
      assert.equal(twice, 0, 'given back twice');
      return taken.size;
    },
    take(): Seat {
      const seat = { ofSub: next, ofAddress: next++ };
      taken.add(seat.ofSub);
      return seat;
    },
    giveBack({ ofSub, ofAddress }) {
      assert.equal(ofSub, ofAddress);
      if (!taken.delete(ofSub)) twice++;
    },
  };
}

const EVENT_SOURCE = { accept: 'text/event-stream' };

/** Asks, and leaves when told to. */
function asking(url: string, headers = {}) {
  const leaving = new AbortController();
  const answer = fetch(url, { headers, signal: leaving.signal }).then(
    async (response) => [response.status, await response.text()] as const,
    () => null,
  );
  return { answer: answer.catch(() => null), leave: () => leaving.abort() };
}

it('of a stream that ends, whoever ends it', async () => {
  const seats = watchedSeats();
  await using lab = await startHttpGateway({ seats });
  const clients = Array.from({ length: 4 }, () => asking(`${lab.http.url}/c/a/events`));
  await waitFor(() => lab.gateway.load().streams === 4 && seats.taken() === 4, { what: 'four streams' });
  clients[0]!.leave();
  await waitFor(() => seats.taken() === 3, { what: 'the seat of who left' });
  await lab.gateway.drain(1);
  await waitFor(() => seats.taken() === 0, { what: 'the seats of the others' });
  assert.equal(seats.given(), 4);
});

it('of a stream whose client leaves before it is opened', async () => {
  const seats = watchedSeats();
  const opening: (() => void)[] = [];
  const gate = new Promise<void>((resolve) => opening.push(resolve));
  let asked = 0;
  const slow = (engine: Engine): Engine => ({
    ...engine,
    async subscribe(...args) {
      asked++;
      await gate;
      return engine.subscribe(...args);
    },
  });
  await using lab = await startHttpGateway({ seats }, slow);
  const client = asking(`${lab.http.url}/c/a/events`);
  const stays = asking(`${lab.http.url}/c/a/events`);
  await waitFor(() => asked > 0 && seats.taken() === 2, { what: 'two that wait' });
  client.leave();
  await client.answer;
  for (const open of opening) open();
  await waitFor(() => seats.taken() === 1 && lab.gateway.load().streams === 1, { what: 'the seat of who left' });
  stays.leave();
  await waitFor(() => seats.taken() === 0, { what: 'the other' });
});

it('of one that cannot be opened', async () => {
  const seats = watchedSeats();
  const away = (engine: Engine): Engine => ({
    ...engine,
    subscribe: () => Promise.reject(new EngineUnavailable('away')),
  });
  await using lab = await startHttpGateway({ seats }, away);
  for (const [path, headers, status] of [
    ['/c/a/events', {}, 503],
    ['/c/a/events', EVENT_SOURCE, 200],
    ['/c/a/events?format=json&wait=1', {}, 503],
  ] as const) {
    assert.equal((await asking(`${lab.http.url}${path}`, headers).answer)?.[0], status);
    await waitFor(() => seats.taken() === 0, { what: `the seat of ${path}` });
  }
  assert.equal(seats.given(), 3);
});

it('of one whose ticket is not to be had any more', async () => {
  const seats = watchedSeats();
  const holder = { ...everybody, hold: () => Promise.reject(new Problem('auth_unavailable', 'Not now.')) };
  const access = { ...anonymousAccess, identify: () => holder };
  await using lab = await startHttpGateway({ seats }, (engine) => engine, {}, access);
  for (const [headers, status] of [
    [{}, 503],
    [EVENT_SOURCE, 200],
  ] as const) {
    assert.equal((await asking(`${lab.http.url}/c/a/events`, headers).answer)?.[0], status);
  }
  assert.deepEqual([seats.given(), seats.taken()], [2, 0]);
});

it('of a poll that waits, with its answer or without', async () => {
  const seats = watchedSeats();
  await using lab = await startHttpGateway({ seats });
  const url = (path: string) => `${lab.http.url}/c/a/events?format=json${path}`;
  assert.equal((await asking(url('')).answer)?.[0], 200);
  assert.equal(seats.given(), 0, 'who does not wait takes none');
  const [gone, told] = [asking(url('&wait=20')), asking(url('&wait=20'))];
  await waitFor(() => seats.taken() === 2, { what: 'two that wait' });
  gone.leave();
  await waitFor(() => seats.taken() === 1, { what: 'who left' });
  await waitFor(
    async () => {
      await lab.bench.put('a', 'x');
      return seats.taken() === 0;
    },
    { what: 'the answer', everyMs: 50 },
  );
  assert.equal((await told.answer)?.[0], 200);
});

it('none is taken where there is no room anyway', async () => {
  const seats = watchedSeats();
  await using lab = await startHttpGateway({ seats, maxStreams: 1 });
  const client = asking(`${lab.http.url}/c/a/events`);
  await waitFor(() => seats.taken() === 1, { what: 'a stream' });
  for (const headers of [{}, EVENT_SOURCE]) await asking(`${lab.http.url}/c/a/events`, headers).answer;
  await asking(`${lab.http.url}/c/a/events?format=json&wait=5`).answer;
  assert.equal(seats.given(), 1);
  client.leave();
  await waitFor(() => seats.taken() === 0, { what: 'its seat' });
});
