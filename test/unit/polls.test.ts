/** Polls end with their client and with the gateway, and leave nothing behind. */
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { connect } from 'node:net';
import { describe, it, mock } from 'node:test';
import { Problem } from '../../src/errors.ts';
import { ClientGone, createPolls } from '../../src/gateway/routes/polls.ts';
import { startHttpGateway } from '../support/http-gateway.ts';
import { openSse } from '../support/sse.ts';
import { waitFor } from '../support/wait.ts';

const client = (socket = new EventEmitter()) => ({
  response: new EventEmitter(),
  socket: Object.assign(socket, { destroyed: false }),
});

/** A poll that waits until it is told to stop. */
const waits = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason));
  });

/** One that goes on is a failure, not a test that never ends. */
function ended<T>(poll: Promise<T>): Promise<T> {
  const late = new Promise<never>((_, reject) =>
    setImmediate(() => reject(new assert.AssertionError({ message: 'it goes on' }))),
  );
  return Promise.race([poll, late]);
}

const isDraining = (error: unknown) => error instanceof Problem && error.code === 'draining';

describe('the polls under way', () => {
  it('end when their client leaves, and no other does', async () => {
    const polls = createPolls();
    const [leaving, staying] = [client(), client()];
    const [left, stayed] = [polls.run(leaving, true, waits), polls.run(staying, true, waits)];
    leaving.response.emit('close');
    await assert.rejects(ended(left), ClientGone);
    assert.equal(polls.waiting, 1);
    polls.close();
    await assert.rejects(ended(stayed), isDraining);
  });

  it('end with their connection, also those whose turn on it has not come', async () => {
    const polls = createPolls();
    const socket = Object.assign(new EventEmitter(), { destroyed: false });
    const pipelined = Array.from({ length: 50 }, () => polls.run(client(socket), true, waits));
    assert.equal(socket.listenerCount('close'), 1);
    socket.emit('close');
    await Promise.all(pipelined.map((poll) => assert.rejects(ended(poll), ClientGone)));
    assert.deepEqual([polls.waiting, socket.listenerCount('close')], [0, 0]);
  });

  it('do not begin for a client that has left already', async () => {
    const polls = createPolls();
    const { response, socket } = client();
    socket.destroyed = true;
    await assert.rejects(ended(polls.run({ response, socket }, false, waits)), ClientGone);
  });

  it('do not wait once they are closed', async () => {
    const polls = createPolls();
    polls.close();
    await assert.rejects(ended(polls.run(client(), true, waits)), isDraining);
  });

  it('leave nothing behind, however they end', async () => {
    const polls = createPolls();
    const { response, socket } = client();
    await polls.run({ response, socket }, true, async () => 'an answer');
    await assert.rejects(polls.run({ response, socket }, false, () => Promise.reject(new Error('the store is away'))));
    assert.deepEqual([polls.waiting, polls.brief], [0, 0]);
    assert.deepEqual([socket.listenerCount('close'), response.listenerCount('close')], [0, 0]);
  });
});

describe('a gateway', () => {
  it('makes no signal for a poll of one that outlives it', async () => {
    const any = mock.method(AbortSignal, 'any');
    try {
      await using lab = await startHttpGateway();
      assert.equal((await fetch(`${lab.http.url}/c/room/events?format=json`)).status, 200);
      // Undici uses it too, with signals of its own.
      const ours = any.mock.calls.filter(({ stack }) => stack.stack?.includes('src/gateway/'));
      assert.equal(ours.length, 0);
    } finally {
      any.mock.restore();
    }
  });

  it('counts waiting polls and streams together, and refuses what is above with 503', async () => {
    await using lab = await startHttpGateway({ maxStreams: 3 });
    const url = `${lab.http.url}/c/room/events`;
    const ending = new AbortController();
    const waiting = [1, 2].map(() => fetch(`${url}?format=json&wait=25`, { signal: ending.signal }).catch(() => null));
    await waitFor(() => lab.gateway.load().polls === 2, { what: 'two polls to wait' });
    const stream = await openSse(url);
    assert.deepEqual(lab.gateway.load(), { streams: 1, polls: 2, maxStreams: 3 });
    for (let i = 0; i < 5; i++) {
      const refused = await fetch(`${url}?format=json&wait=25`, { headers: { accept: 'text/event-stream' } });
      assert.equal(refused.status, 503);
      assert.ok(Number(refused.headers.get('retry-after')) >= 1);
      assert.equal(((await refused.json()) as { code: string }).code, 'overloaded');
    }
    const polite = await fetch(url, { headers: { accept: 'text/event-stream' } });
    assert.deepEqual([polite.status, polite.headers.get('x-overloaded')], [200, '1']);
    assert.match(await polite.text(), /event: \$overloaded/);
    assert.equal((await fetch(`${url}?format=json`)).status, 200, 'one that does not wait needs no room');
    assert.deepEqual(
      lab.logged.map(({ level, refusal }) => [level, refusal]),
      [['warn', 'overloaded']],
      'logged once',
    );
    ending.abort();
    await Promise.all(waiting);
    await waitFor(() => lab.gateway.load().polls === 0, { what: 'the polls to end with their clients' });
    stream.close();
  });

  it('has so many polls under way that do not wait, opens channels for a few of them at a time, and refuses others', async () => {
    let opening = 0;
    let letOpen = () => {};
    const isLet = new Promise<void>((resolve) => {
      letOpen = resolve;
    });
    await using lab = await startHttpGateway({}, (engine) => ({
      ...engine,
      async subscribe(...asked) {
        opening++;
        await isLet;
        return engine.subscribe(...asked);
      },
    }));
    let refused = 0;
    const polls = Array.from({ length: 1_100 }, async (_, i) => {
      const { statusCode, headers } = await lab.http.app.inject(`/c/room-${i}/events?format=json`);
      if (statusCode === 503 && headers['retry-after']) refused++;
      return statusCode;
    });
    try {
      await waitFor(() => refused === 100, { what: () => `100 to be refused, not ${refused}`, timeoutMs: 30_000 });
      assert.equal(opening, 64);
    } finally {
      letOpen();
    }
    const answered = (await Promise.all(polls)).filter((status) => status === 200).length;
    assert.equal(answered, 1_000);
  });

  it('ends pipelined polls with their connection', async () => {
    await using lab = await startHttpGateway({ maxStreams: 100 });
    const socket = connect(lab.http.port, '127.0.0.1');
    socket.write('GET /c/room/events?format=json&wait=25 HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(3));
    await waitFor(() => lab.gateway.load().polls > 0, { what: 'polls to wait' });
    socket.destroy();
    await waitFor(() => lab.gateway.load().polls === 0, { what: 'the polls to end' });
  });

  it('that drains answers a waiting poll and those to come with 503, never with an empty 200', async () => {
    await using lab = await startHttpGateway();
    const url = `${lab.http.url}/c/room/events?format=json&wait=25`;
    const waiting = fetch(url);
    await waitFor(() => lab.gateway.load().polls === 1, { what: 'the poll to wait' });
    await lab.gateway.drain(0);
    for (const answer of [await waiting, await fetch(url), await fetch(url.replace('&wait=25', ''))]) {
      assert.equal(answer.status, 503);
      assert.ok(answer.headers.get('retry-after'));
      assert.equal(((await answer.json()) as { code: string }).code, 'draining');
    }
    const stream = await fetch(`${lab.http.url}/c/room/events`, { headers: { accept: 'text/event-stream' } });
    assert.equal(stream.headers.get('x-overloaded'), '1', 'a stream is not even opened');
    assert.match(await stream.text(), /^event: \$bye\n/m);
  });

  it('whose store is away refuses streams and polls though it knows their channel', async () => {
    await using lab = await startHttpGateway();
    const url = `${lab.http.url}/c/room/events`;
    const early = await openSse(url);
    await waitFor(() => early.frames.length > 0, { what: '$sync' });
    lab.gateway.storeIs(new Set([0]));
    const poll = await fetch(`${url}?format=json&wait=25`);
    assert.deepEqual([poll.status, Boolean(poll.headers.get('retry-after'))], [503, true]);
    assert.deepEqual(
      lab.logged.map(({ refusal }) => refusal),
      ['engine_unavailable'],
      'refused before anything is asked',
    );
    const stream = await fetch(url, { headers: { accept: 'text/event-stream' } });
    assert.match(await stream.text(), /event: \$overloaded\n.*"store"/);
    assert.equal((await fetch(`${url}?strict=1`, { headers: { accept: 'text/event-stream' } })).status, 503);
    lab.gateway.storeIs(new Set());
    assert.equal((await fetch(`${url}?format=json`)).status, 200);
    early.close();
  });
});
