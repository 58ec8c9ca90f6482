/** Which way a stream comes, where the first one does not work. Cases 41–44, 47 of the client, without a network. */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { ChannelEvent } from '../../../src/client/contract.ts';
import { event, openTab, settled, sync, type TabOptions, textsOf, until } from '../kit.ts';

type Heard = (event: { readonly data: string; readonly lastEventId: string }) => void;

class FakeEventSource {
  static all: FakeEventSource[] = [];
  onerror: (() => void) | undefined;
  isClosed = false;
  readonly #heard = new Map<string, Heard>();
  readonly url: URL;

  constructor(url: string) {
    this.url = new URL(url);
    FakeEventSource.all.push(this);
  }

  addEventListener(type: string, heard: Heard): void {
    this.#heard.set(type, heard);
  }

  tell(type: string, data: object, lastEventId: string): void {
    if (!this.isClosed) this.#heard.get(type)!({ data: JSON.stringify(data), lastEventId });
  }

  close(): void {
    this.isClosed = true;
  }
}

function listening(options: TabOptions = {}) {
  const tab = openTab(options);
  const heard: ChannelEvent[] = [];
  tab.connection.subscribe('a', (each) => heard.push(each));
  return { ...tab, heard };
}

const answer = (offset: number, ...events: string[]) => ({
  cursor: `p.${offset}`,
  status: 'resumed',
  events: events.map((data, i) => ({ id: `p.${offset - events.length + 1 + i}`, data })),
  more: false,
});

describe('a transport', () => {
  afterEach(() => {
    FakeEventSource.all = [];
    Reflect.deleteProperty(globalThis, 'EventSource');
  });

  it('that keeps streams back is left for polls within five seconds, and tried again after ten minutes (41)', async () => {
    const { connection, server, clock, heard } = listening();
    const stream = await until('a stream', () => server.streams[0]);
    // Its head has come, and nothing else: a proxy collects the rest.
    stream.stream();
    await clock.advance(4_000);
    const first = await until('a poll', () => server.polls[0]);
    assert.equal(stream.isOver, true);
    first.answer(200, { ...answer(1), status: 'fresh' });
    await until('open', () => connection.status.state === 'open');
    assert.deepEqual(connection.status, { state: 'open', transport: 'poll' });
    const second = await until('a wait', () => server.polls[1]);
    assert.deepEqual([second.query.since, second.query.wait], ['p.1', '20']);
    second.answer(200, answer(3, '1', '2'));
    await until('both', () => heard.length === 2);
    assert.equal((await until('the next wait', () => server.polls[2])).query.since, 'p.3');
    connection.close();
  });

  it('of polls that are answered at once, and empty, is one that fails: no spinning (45)', async () => {
    const { connection, server, clock } = listening({ transports: ['poll'] });
    server.auto = (request) => request.answer(200, answer(1));
    await until('it gives up', () => connection.status.state === 'offline');
    await clock.advance(60_000);
    assert.ok(server.polls.length < 24, `${server.polls.length} polls in a minute`);
    connection.close();
  });

  it('that may stream again is tried after ten minutes, from where the polls were (41)', async () => {
    const { connection, server, clock, heard } = listening();
    (await until('a stream', () => server.streams[0])).stream();
    await clock.advance(4_000);
    (await until('a poll', () => server.polls[0])).answer(200, { ...answer(1), status: 'fresh' });
    for (let minute = 0; minute < 30 && server.streams.length === 1; minute++) {
      await clock.advance(19_000);
      const poll = server.polls.at(-1)!;
      if (!poll.isOver) poll.answer(200, answer(1));
      await settled();
    }
    assert.equal(server.streams.length, 1, 'nine and a half minutes');
    server.auto = (request) => {
      if (request.query.format !== 'json') request.stream(sync({ id: 'p.1', status: 'resumed' }) + event('p.2', '1'));
    };
    for (let i = 0; i < 3 && server.streams.length === 1; i++) {
      await clock.advance(19_000);
      const poll = server.polls.at(-1)!;
      if (!poll.isOver) poll.answer(200, answer(1));
      await settled();
    }
    assert.equal(server.streams.length, 2);
    assert.equal(server.streams[1]!.query.since, 'p.1');
    await until('it', () => heard.length === 1);
    assert.deepEqual(connection.status, { state: 'open', transport: 'fetch' });
    connection.close();
  });

  it('is not taken for one that keeps back where nothing answers at all: the next is a stream again', async () => {
    const { connection, server, clock } = listening();
    await until('a stream', () => server.streams[0]);
    await clock.advance(4_000);
    await until('a poll', () => server.polls[0]);
    await clock.advance(10_000);
    assert.equal(connection.status.state, 'offline');
    await clock.advance(20_000);
    assert.ok(server.streams.length > 1, 'a stream once more');
    connection.close();
  });

  it('that ends each stream at once is one that fails, not one that keeps back (42)', async () => {
    const { connection, server, clock } = listening();
    for (let i = 0; i < 6; i++) {
      const stream = await until(`stream ${i}`, () => server.streams[i]);
      stream.stream(sync({ id: 'p.0', status: 'resumed' }));
      stream.end();
      await until('away', () => connection.status.state === 'offline');
      await clock.advance(connection.status.retryInMs!);
    }
    assert.equal(server.polls.length, 0);
    connection.close();
  });

  it('of fetch that does not stream is left for EventSource, always a new one with its cursor (43, 44)', async () => {
    Object.assign(globalThis, { EventSource: FakeEventSource });
    const { connection, server, clock, heard } = listening();
    const request = await until('a request', () => server.streams[0]);
    request.answer(200, null, { 'content-type': 'text/event-stream' });
    const first = await until('an EventSource', () => FakeEventSource.all[0]);
    assert.equal(first.url.search, '?with=from%2Cseq%2Cat&heartbeat=event');
    first.tell('$sync', { status: 'fresh', heartbeatMs: 20_000 }, 'p.0');
    first.tell('message', { data: '1' }, 'p.1');
    await until('it', () => heard.length === 1);
    assert.deepEqual(connection.status, { state: 'open', transport: 'eventsource' });
    // CLOSED for ever, or about to come back without a back-off: for us the same.
    first.onerror!();
    assert.equal(first.isClosed, true);
    await clock.advance(500);
    const second = await until('a new one', () => FakeEventSource.all[1]);
    assert.equal(second.url.searchParams.get('since'), 'p.1');
    second.tell('$sync', { status: 'resumed', heartbeatMs: 20_000 }, 'p.1');
    second.tell('message', { data: '1' }, 'p.1');
    second.tell('message', { data: '2' }, 'p.2');
    await until('the next', () => heard.length === 2);
    assert.deepEqual(textsOf(heard), ['1', '2']);
    assert.equal(server.streams.length, 1, 'fetch is not tried again');
    connection.close();
  });

  it('that cannot send a token is left out where there is one', async () => {
    Object.assign(globalThis, { EventSource: FakeEventSource });
    const { connection, server } = listening({ token: () => 't' });
    (await until('a request', () => server.streams[0])).answer(200, null, { 'content-type': 'text/event-stream' });
    const poll = await until('a poll', () => server.polls[0]);
    assert.deepEqual([poll.headers.get('authorization'), FakeEventSource.all.length], ['Bearer t', 0]);
    connection.close();
  });

  it('takes a token nowhere else: no redirect is followed with one (47)', async () => {
    const { connection, server } = listening({ token: () => 't' });
    void connection.publish('a', 'x');
    await until('both', () => server.posts.length === 1 && server.streams.length === 1);
    for (const { init } of server.requests) assert.equal(init.redirect, 'error');
    connection.close();
    const other = listening();
    assert.equal((await until('a stream', () => other.server.streams[0])).init.redirect, 'follow');
    other.connection.close();
  });
});
