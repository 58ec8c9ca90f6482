/** Hundreds that wait for the same answer of the store are served in as many turns of the event loop as it takes, not in one. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { EngineUnavailable } from '../../src/errors.ts';
import { type HttpGateway, startHttpGateway } from '../support/http-gateway.ts';
import { waitFor } from '../support/wait.ts';
import { get, RawConnection } from '../weight/sockets.ts';

const CLIENTS = 200;
/** Sixteen are let in a turn; twice as many where one turn's end and the next one's beginning are seen together. */
const A_TURN_MAX = 32;
const SERVED_MS = 30_000;

interface Waiting extends AsyncDisposable {
  /** Lets the store answer. @returns How many were served in each turn. */
  servedByTurn(error?: Error): Promise<readonly number[]>;
}

/** Clients of a gateway whose store does not tell its states until it is told to. */
async function waitingFor(
  path: string,
  fields: string,
  served: (place: HttpGateway) => () => number,
): Promise<Waiting> {
  let isAsked = false;
  let answer: (error?: Error) => void = () => {};
  const held = new Promise<void>((resolve, reject) => {
    answer = (error) => (error ? reject(error) : resolve());
  });
  const place = await startHttpGateway({ maxStreams: 2 * CLIENTS }, (engine) => ({
    ...engine,
    async readState(channel) {
      isAsked = true;
      await held;
      return engine.readState(channel);
    },
  }));
  const count = served(place);
  let begun = 0;
  place.http.app.server.on('request', () => begun++);
  const clients = Array.from({ length: CLIENTS }, () => new RawConnection(place.http.url));
  for (const client of clients) client.socket.write(get(path, fields));
  await waitFor(() => begun === CLIENTS && isAsked, { timeoutMs: SERVED_MS, what: 'all to have asked' });
  // Past everything that is before the store.
  for (let turns = 0; turns < CLIENTS; turns++) await nextTurn();
  assert.equal(count(), 0);
  return {
    async servedByTurn(error) {
      answer(error);
      const counts: number[] = [];
      const startedMs = performance.now();
      for (let before = 0; before < CLIENTS && performance.now() - startedMs < SERVED_MS; before = count()) {
        await nextTurn();
        counts.push(count() - before);
      }
      assert.equal(count(), CLIENTS);
      return counts;
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.close();
      await place[Symbol.asyncDispose]();
    },
  };
}

const streamsOpen =
  ({ gateway, http }: HttpGateway) =>
  () => {
    const { hashMap } = http.metrics.streams as unknown as { hashMap: Record<string, { value: number }> };
    return gateway.load().streams === 0 ? 0 : (hashMap['']?.value ?? 0);
  };

function answersEnded({ http }: HttpGateway): () => number {
  let ended = 0;
  http.app.server.on('request', (_request, response) => response.once('finish', () => ended++));
  return () => ended;
}

const UNKNOWN_POSITION = 'Last-Event-ID: zzzzzz.1\r\n';

describe('clients that wait for the same answer of the store', () => {
  it('have their streams opened a few in a turn', async () => {
    await using waiting = await waitingFor('/c/room/events', UNKNOWN_POSITION, streamsOpen);
    assert.ok(Math.max(...(await waiting.servedByTurn())) <= A_TURN_MAX);
  });

  it('are refused their streams a few in a turn when it does not come', async () => {
    await using waiting = await waitingFor('/c/room/events', UNKNOWN_POSITION, answersEnded);
    assert.ok(Math.max(...(await waiting.servedByTurn(new EngineUnavailable('away')))) <= A_TURN_MAX);
  });

  it('are told so a few in a turn when the state they wait for does not come', async () => {
    await using waiting = await waitingFor('/c/room/state', '', answersEnded);
    assert.ok(Math.max(...(await waiting.servedByTurn(new EngineUnavailable('away')))) <= A_TURN_MAX);
  });

  it('have their polls refused a few in a turn when it does not come', async () => {
    await using waiting = await waitingFor('/c/room/events?format=json', UNKNOWN_POSITION, answersEnded);
    assert.ok(Math.max(...(await waiting.servedByTurn(new EngineUnavailable('away')))) <= A_TURN_MAX);
  });

  it('get the state a few in a turn', async () => {
    await using waiting = await waitingFor('/c/room/state', '', answersEnded);
    assert.ok(Math.max(...(await waiting.servedByTurn())) <= A_TURN_MAX);
  });
});
