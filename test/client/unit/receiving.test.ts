/** What listeners are called with, and when a stream comes back. Cases 22, 24–29, 32, 34–36, 38, 40, 42 of the client. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ChannelEvent, Reset } from '../../../src/client/contract.ts';
import { control, event, openTab, settled, sync, textsOf, until } from '../kit.ts';

describe('a stream', () => {
  it('is asked for once for all that one turn subscribes to, and tells each listener its own', async () => {
    const { connection, server } = openTab();
    const heard: ChannelEvent[] = [];
    for (const channel of ['b', 'a', 'b']) connection.subscribe(channel, (each) => heard.push(each));
    const stream = await until('it', () => server.streams[0]);
    assert.equal(stream.url.pathname, '/c/a,b/events');
    assert.equal(stream.headers.get('accept'), 'text/event-stream');
    assert.deepEqual(stream.query, { with: 'from,seq,at', cursors: 'joined' });
    stream.stream(sync({ id: 'a.0~b.0' }));
    await until('open', () => connection.status.state === 'open');
    assert.deepEqual(connection.status, { state: 'open', transport: 'fetch' });
    stream.write(
      event('a.1~b.0', 'x', { channel: 'a', from: 'al~123', seq: 7, at: 9 }) + event('a.1~b.1', 'y', { channel: 'b' }),
    );
    await until('all', () => heard.length === 3);
    assert.deepEqual(heard[0], { channel: 'a', data: 'x', id: 'a.1', from: 'al~123', seq: 7, at: 9, own: false });
    assert.deepEqual(textsOf(heard), ['x', 'y', 'y']);
    await settled();
    assert.equal(server.streams.length, 1);
    connection.close();
  });

  it('comes back with its cursor, and what is repeated then is dropped, by channel and position (24)', async () => {
    const { connection, server, clock } = openTab();
    const heard: ChannelEvent[] = [];
    for (const channel of ['a', 'b']) connection.subscribe(channel, (each) => heard.push(each));
    const first = await until('a stream', () => server.streams[0]);
    first.stream(
      sync({ id: 'a.0~b.0' }) + event('a.0~b.1', '1', { channel: 'b' }) + event('a.9~b.1', '2', { channel: 'a' }),
    );
    await until('two', () => heard.length === 2);
    first.cut();
    await settled();
    assert.equal(connection.status.state, 'offline');
    await clock.advance(500);
    const second = await until('the next', () => server.streams[1]);
    assert.equal(second.query.since, 'a.9~b.1');
    second.stream(
      sync({ id: 'a.9~b.1', status: 'resumed' }) +
        event('a.9~b.1', '2', { channel: 'a' }) +
        event('a.9~b.1', '1', { channel: 'b' }) +
        event('a.a~b.1', '2', { channel: 'a' }) +
        event('a.a~b.2', '3', { channel: 'b' }),
    );
    await until('all', () => heard.length === 4);
    await settled();
    assert.deepEqual(textsOf(heard), ['1', '2', '2', '3'], 'the same data at another place is no repeat');
    connection.close();
  });

  it('tells a reset with its snapshot before any later event, and only where it is one (25, 26)', async () => {
    const { connection, server } = openTab();
    const told: string[] = [];
    for (const channel of ['a', 'b', 'c']) {
      const onReset = ({ lost, snapshot }: Reset) =>
        told.push(`${channel} reset ${lost} ${JSON.stringify(snapshot?.state)}`);
      connection.subscribe(channel, ({ data }) => told.push(`${channel} ${data}`), { onReset });
    }
    const stream = await until('a stream', () => server.streams[0]);
    const channels = {
      a: { status: 'resumed', missed: 1 },
      b: { status: 'reset', lost: 5 },
      c: { status: 'reset', lost: null },
    };
    stream.stream(
      sync({ status: 'reset', channels }) +
        control('$snapshot', { channel: 'b', cursor: 'b.1', state: { x: '1' }, b64: { y: 'AAE=' } }) +
        control('$snapshot', { channel: 'c', cursor: 'c.2', snapshotUrl: '/c/c/state' }, { id: 'a.1~b.1~c.2' }) +
        event('a.2~b.1~c.2', 'A', { channel: 'a' }) +
        event('a.2~b.1~c.3', 'C3', { channel: 'c' }) +
        event('a.2~b.1~c.4', 'C4', { channel: 'c' }),
    );
    const state = await until('the large one', () => server.requests.find(({ url }) => url.pathname === '/c/c/state'));
    await settled();
    assert.deepEqual(told, ['b reset 5 {"x":"1","y":{"0":0,"1":1}}']);
    // It was made after the stream began.
    state.answer(200, { cursor: 'c.3', complete: true, state: { z: '9' } });
    await until('all', () => told.length === 4);
    assert.deepEqual(told.slice(1), ['c reset null {"z":"9"}', 'a A', 'c C4'], 'events after exactly the snapshot');
    connection.close();
  });

  it('brings the state first to who asks for it', async () => {
    const { connection, server } = openTab();
    const resets: Reset[] = [];
    connection.subscribe('a', () => undefined, { snapshot: true, onReset: (reset) => resets.push(reset) });
    const stream = await until('a stream', () => server.streams[0]);
    assert.equal(stream.query.snapshot, '1');
    stream.stream(sync() + control('$snapshot', { channel: 'a', cursor: 's.1', state: { x: '1' } }, { id: 's.1' }));
    await until('it', () => resets.length === 1);
    assert.deepEqual(resets, [{ channel: 'a', lost: 0, snapshot: { channel: 'a', cursor: 's.1', state: { x: '1' } } }]);
    connection.close();
  });

  it('comes back after the time that a goodbye asks for, which is no failure (27)', async () => {
    const { connection, server, clock } = openTab();
    connection.subscribe('a', () => undefined);
    for (let i = 0; i < 5; i++) {
      const stream = await until(`stream ${i}`, () => server.streams[i]);
      stream.stream(sync({ id: 'p.1', status: i === 0 ? 'fresh' : 'resumed' }));
      await until('open', () => connection.status.state === 'open');
      stream.write(control('$bye', { reason: 'drain' }, { retry: 3_000 }));
      stream.end();
      await until('away', () => connection.status.state === 'offline');
      assert.deepEqual(connection.status, { state: 'offline', reason: 'drain', retryInMs: 3_000 });
      await clock.advance(2_999);
      assert.equal(server.streams.length, i + 1);
      await clock.advance(1);
    }
    assert.equal((await until('the last', () => server.streams[5])).query.since, 'p.1');
    connection.close();
  });

  it('that is refused politely waits longer each time, and never less than it was asked to (28)', async () => {
    const { connection, server, clock } = openTab();
    connection.subscribe('a', () => undefined);
    for (let i = 0; i < 10; i++) {
      const stream = await until(`stream ${i}`, () => server.streams[i]);
      stream.stream(control('$overloaded', { reason: 'capacity' }, { retry: 1_000 }));
      stream.end();
      await until('away', () => connection.status.state === 'offline');
      const { reason, retryInMs } = connection.status;
      assert.deepEqual([reason, retryInMs], ['capacity', Math.max(1_000, 250 + 0.5 * Math.min(20_000, 500 * 2 ** i))]);
      await clock.advance(retryInMs!);
    }
    connection.close();
  });

  it('that opens and dies is waited for longer each time; five seconds of life or an event end that (29)', async () => {
    const { connection, server, clock } = openTab();
    connection.subscribe('a', () => undefined);
    const waits: (number | undefined)[] = [];
    const lives: (() => Promise<void>)[] = [
      ...Array.from({ length: 4 }, () => () => clock.advance(4_900)),
      () => clock.advance(5_000),
      () => clock.advance(0),
      async () => {
        server.streams.at(-1)!.write(event('p.1', 'x'));
        await settled();
      },
      () => clock.advance(0),
    ];
    for (const [i, live] of lives.entries()) {
      const stream = await until(`stream ${i}`, () => server.streams[i]);
      stream.stream(sync({ id: 'p.0', status: 'resumed' }));
      await until('open', () => connection.status.state === 'open');
      await live();
      stream.cut();
      await until('away', () => connection.status.state === 'offline');
      waits.push(connection.status.retryInMs);
      await clock.advance(connection.status.retryInMs!);
    }
    assert.deepEqual(waits, [500, 750, 1_250, 2_250, 500, 750, 500, 750]);
    connection.close();
  });

  it('is dead when no heartbeat comes, and only then (30)', async () => {
    const { connection, server, clock } = openTab();
    connection.subscribe('a', () => undefined);
    const stream = await until('a stream', () => server.streams[0]);
    stream.stream(sync({ id: 'p.0' }));
    await until('open', () => connection.status.state === 'open');
    for (let i = 0; i < 3; i++) {
      await clock.advance(30_000);
      stream.write(':\n\n');
      await settled();
    }
    await clock.advance(31_999);
    assert.equal(connection.status.state, 'open');
    await clock.advance(1);
    assert.deepEqual([connection.status.reason, stream.isOver], ['silent', true]);
    await clock.advance(500);
    assert.equal((await until('the next', () => server.streams[1])).query.since, 'p.0');
    connection.close();
  });

  it('is not judged by the time in which the page stood still (31)', async () => {
    const { connection, server, clock } = openTab();
    connection.subscribe('a', () => undefined);
    const stream = await until('a stream', () => server.streams[0]);
    stream.stream(sync({ id: 'p.0' }));
    await until('open', () => connection.status.state === 'open');
    clock.freeze(600_000);
    await clock.advance(0);
    stream.write(':\n\n');
    await clock.advance(1_500);
    assert.deepEqual([connection.status.state, server.streams.length], ['open', 1], 'what had come was read first');
    clock.freeze(600_000);
    await clock.advance(2_000);
    assert.equal(server.streams.length, 2, 'and if nothing had come: one new stream, not ten');
    connection.close();
  });

  it('does not take a stranger for the server, and asks no more after the third (32)', async () => {
    const { connection, server, clock, page } = openTab();
    const heard: unknown[] = [];
    connection.subscribe('a', (each) => heard.push(each));
    for (let i = 0; i < 3; i++) {
      const request = await until(`try ${i}`, () => server.streams[i]);
      request.answer(200, 'data: {"data":"log in"}\n\n', { 'content-type': 'text/html' });
      await settled();
      await clock.advance(connection.status.retryInMs ?? 0);
    }
    assert.deepEqual(connection.status, { state: 'failed', reason: 'not-our-server' });
    await clock.advance(3_600_000);
    assert.deepEqual([server.streams.length, heard.length], [3, 0]);
    page.fire('online');
    const stream = await until('another try', () => server.streams[3]);
    stream.stream(sync());
    await until('open', () => connection.status.state === 'open');
    connection.close();
  });

  it('asks for another token at a 401, once (33)', async () => {
    let asked = 0;
    const { connection, server, clock } = openTab({ token: async () => `t${++asked}` });
    connection.subscribe('a', () => undefined);
    (await until('a try', () => server.streams[0])).answer(401, { code: 'unauthorized', status: 401 });
    (await until('another', () => server.streams[1])).answer(401, { code: 'unauthorized', status: 401 });
    await until('failed', () => connection.status.state === 'failed');
    await clock.advance(600_000);
    assert.deepEqual(
      server.streams.map(({ headers }) => headers.get('authorization')),
      ['Bearer t1', 'Bearer t2'],
    );
    connection.close();
  });

  it('is told by a stream that its token is refused, as it is by a 401', async () => {
    for (const status of ['expired', 'invalid', 'revoked', 'forbidden', 'unauthenticated']) {
      let asked = 0;
      const { connection, server } = openTab({ token: () => `t${++asked}` });
      connection.subscribe('a', () => undefined);
      for (const n of [0, 1]) {
        const stream = await until('a try', () => server.streams[n]);
        stream.stream(control('$auth', { status }, { retry: 3_600_000 }));
        stream.end();
      }
      await until('failed', () => connection.status.state === 'failed');
      assert.deepEqual([asked, server.streams.length], [2, 2], status);
      connection.close();
    }
  });

  it('stays where it is with a token that it was given again, and comes back when that has expired', async () => {
    let asked = 0;
    const { connection, server } = openTab({ token: () => (++asked < 3 ? 'kept by the app' : 'another') });
    connection.subscribe('a', () => undefined);
    const stream = await until('a stream', () => server.streams[0]);
    stream.stream(sync({ id: 'p.0' }) + control('$auth', { status: 'expiring', expiresInS: 20 }));
    await until('a question', () => asked === 2);
    await settled();
    assert.equal(server.streams.length, 1);
    stream.write(control('$auth', { status: 'expired' }, { retry: 30_000 }));
    const next = await until('the next', () => server.streams[1]);
    assert.equal(next.headers.get('authorization'), 'Bearer another');
    connection.close();
  });

  it('waits where the server cannot tell, with the token that it has', async () => {
    let asked = 0;
    const { connection, server, clock } = openTab({ token: () => `t${++asked}` });
    connection.subscribe('a', () => undefined);
    const stream = await until('a try', () => server.streams[0]);
    stream.stream(control('$auth', { status: 'unavailable' }, { retry: 20_000 }));
    stream.end();
    await until('offline', () => connection.status.state === 'offline');
    await clock.advance(19_000);
    assert.equal(server.streams.length, 1);
    await clock.advance(1_000);
    assert.deepEqual([asked, server.streams.length], [1, 2]);
    connection.close();
  });

  it('has its token renewed when the server says that it expires, whatever the clock says; what is open stays until then (33)', async () => {
    let asked = 0;
    let isBroken = false;
    const fakeToken = (exp: number) => `h.${Buffer.from(JSON.stringify({ exp, sub: 'al' })).toString('base64url')}.s`;
    const tab = openTab({
      token: async () => {
        asked++;
        if (isBroken) throw new Error('no token');
        // By a clock that is behind: it has expired long ago.
        return fakeToken(tab.clock.wallMs() / 1_000 - 100 + asked);
      },
    });
    const { connection, server, clock, errors } = tab;
    const heard: ChannelEvent[] = [];
    connection.subscribe('a', (each) => heard.push(each));
    const stream = await until('a stream', () => server.streams[0]);
    stream.stream(sync({ id: 'p.0' }) + event('p.1', 'x'));
    await until('an event', () => heard.length === 1);
    for (let i = 0; i < 3; i++) {
      await clock.advance(19_000);
      stream.write(':\n\n');
      await settled();
    }
    assert.deepEqual([asked, server.streams.length], [1, 1]);
    stream.write(control('$auth', { status: 'expiring', expiresInS: 20 }));
    assert.equal((await until('the next', () => server.streams[1])).query.since, 'p.1');
    assert.equal(asked, 2);
    assert.notEqual(server.streams[1]!.headers.get('authorization'), stream.headers.get('authorization'));
    isBroken = true;
    server.streams[1]!.stream(sync({ id: 'p.1', status: 'resumed' }));
    server.streams[1]!.write(control('$auth', { status: 'expiring', expiresInS: 20 }));
    await until('a question', () => asked === 3);
    server.streams[1]!.write(event('p.2', 'y'));
    await until('another event', () => heard.length === 2);
    assert.equal(connection.status.state, 'open', 'with the token that is still good');
    assert.ok(errors.length > 0);
    server.streams[1]!.write(control('$auth', { status: 'expired' }, { retry: 30_000 }));
    await until('offline', () => connection.status.reason === 'no-token');
    isBroken = false;
    await clock.advance(20_000);
    assert.equal((await until('the last', () => server.streams[2])).query.since, 'p.2');
    connection.close();
  });

  it('goes on past a listener that throws, closes or publishes (34)', async () => {
    const { connection, server, errors } = openTab();
    const heard: string[] = [];
    connection.subscribe('a', () => {
      throw new Error('of a listener');
    });
    connection.subscribe('a', ({ data }) => {
      heard.push(`publishes ${data}`);
      void connection.publish('a', 'again');
    });
    connection.subscribe('a', ({ data }) => {
      heard.push(`closes ${data}`);
      if (data === '2') connection.close();
    });
    connection.subscribe('a', ({ data }) => heard.push(`last ${data}`));
    const stream = await until('a stream', () => server.streams[0]);
    stream.stream(sync({ id: 'p.0' }) + event('p.1', '1') + event('p.2', '2') + event('p.3', '3'));
    await until('the close', () => connection.status.state === 'closed');
    await settled();
    assert.deepEqual(heard, ['publishes 1', 'closes 1', 'last 1', 'publishes 2', 'closes 2']);
    assert.deepEqual(
      errors.map(({ message }) => message),
      ['of a listener', 'of a listener'],
    );
  });

  it('is not read while what was read is not taken (35)', async () => {
    const { connection, server } = openTab();
    const told: string[] = [];
    connection.subscribe('a', ({ data }) => told.push(String(data)), { onReset: () => told.push('reset') });
    const stream = await until('a stream', () => server.streams[0]);
    const snapshot = control('$snapshot', { channel: 'a', cursor: 's.1', snapshotUrl: '/c/a/state' }, { id: 's.1' });
    stream.stream(sync({ status: 'reset', channels: { a: { status: 'reset', lost: 1 } } }) + snapshot);
    const state = await until('the state', () => server.requests.find(({ url }) => url.pathname === '/c/a/state'));
    const { pulls } = stream;
    for (let i = 2; i < 20; i++) stream.write(event(`s.${i.toString(36)}`, String(i)));
    await settled();
    assert.deepEqual([stream.pulls, told], [pulls, []]);
    state.answer(200, { cursor: 's.1', complete: true, state: {} });
    await until('all', () => told.length === 19);
    connection.close();
  });

  it('ignores frames and members that it does not know (36)', async () => {
    const { connection, server, errors } = openTab();
    const heard: ChannelEvent[] = [];
    connection.subscribe('a', (each) => heard.push(each));
    const stream = await until('a stream', () => server.streams[0]);
    stream.stream(`${sync({ id: 'p.0' })}event: $later\ndata: no JSON\n\nevent: $auth\ndata: {}\n\nfield: x\n\n`);
    stream.write(event('p.1', 'x', { later: { a: 1 } }));
    await until('the event', () => heard.length === 1);
    assert.deepEqual([connection.status.state, errors.length], ['open', 0]);
    connection.close();
  });

  it('stays when its last listener is replaced within a turn; without one it is ended (38, 60)', async () => {
    const { connection, server } = openTab();
    const heard: ChannelEvent[] = [];
    // As React does in StrictMode.
    connection.subscribe('a', () => assert.fail('it was given up'))();
    let end = connection.subscribe('a', (each) => heard.push(each));
    const stream = await until('a stream', () => server.streams[0]);
    stream.stream(sync({ id: 'p.0' }));
    await until('open', () => connection.status.state === 'open');
    end();
    end = connection.subscribe('a', (each) => heard.push(each));
    await settled();
    stream.write(event('p.1', 'x'));
    await until('the event', () => heard.length === 1);
    assert.equal(server.streams.length, 1);
    end();
    end();
    await settled();
    assert.equal(stream.isOver, true);
    connection.close();
  });

  it('is asked for anew when a channel comes later, with the cursors of those that are there (39)', async () => {
    const { connection, server, statuses } = openTab();
    const heard: ChannelEvent[] = [];
    const resets: Reset[] = [];
    const options = { onReset: (reset: Reset) => void resets.push(reset) };
    const listen = (channel: string) => connection.subscribe(channel, (each) => heard.push(each), options);
    listen('b');
    const first = await until('a stream', () => server.streams[0]);
    first.stream(sync({ id: 'b.0' }) + event('b.1', '1'));
    await until('the first', () => heard.length === 1);
    for (const channel of ['a', 'c']) listen(channel);
    const second = await until('the next', () => server.streams[1]);
    assert.equal(first.isOver, true);
    assert.deepEqual([second.url.pathname, second.query.since], ['/c/a,b,c/events', 'b.1']);
    // What is told by one that was given up is not taken.
    first.write(event('b.2', 'late'));
    const channels = { a: { status: 'fresh' }, b: { status: 'resumed' }, c: { status: 'fresh' } };
    second.stream(sync({ id: 'a.5~b.1~c.7', status: 'resumed', channels }));
    second.write(event('a.5~b.1~c.7', '1', { channel: 'b' }) + event('a.5~b.2~c.7', '2', { channel: 'b' }));
    second.write(event('a.6~b.2~c.7', '3', { channel: 'a' }));
    await until('all', () => heard.length === 3);
    assert.deepEqual(
      heard.map(({ channel, data, id }) => [channel, data, id]),
      [
        ['b', '1', 'b.1'],
        ['b', '2', 'b.2'],
        ['a', '3', 'a.6'],
      ],
    );
    second.cut();
    await until('away', () => connection.status.state === 'offline');
    connection.reconnect();
    assert.equal((await until('another', () => server.streams[2])).query.since, 'a.6~b.2~c.7');
    assert.deepEqual([resets, server.streams.length], [[], 3]);
    assert.ok(statuses.every(({ state }) => state !== 'failed'));
    connection.close();
  });

  it('leaves out what was given up when others come, and one that comes back begins anew', async () => {
    const { connection, server } = openTab();
    const end = connection.subscribe('a', () => undefined);
    connection.subscribe('b', () => undefined);
    const first = await until('a stream', () => server.streams[0]);
    first.stream(sync({ id: 'a.1~b.1' }));
    await until('open', () => connection.status.state === 'open');
    end();
    await settled();
    assert.equal(first.isOver, false, 'nothing is asked for because one is given up');
    connection.subscribe('c', () => undefined);
    const second = await until('the next', () => server.streams[1]);
    assert.deepEqual([second.url.pathname, second.query.since], ['/c/b,c/events', 'b.1']);
    second.stream(sync({ id: 'b.1~c.1', channels: { b: { status: 'resumed' }, c: { status: 'fresh' } } }));
    await until('open', () => connection.status.state === 'open');
    connection.subscribe('a', () => undefined);
    const third = await until('the third', () => server.streams[2]);
    assert.deepEqual([third.url.pathname, third.query.since], ['/c/a,b,c/events', 'b.1~c.1']);
    connection.close();
  });

  it('that is parked takes channels that come, and asks when it is looked at', async () => {
    const { connection, server, page, clock } = openTab({ whenHidden: 1_000 });
    connection.subscribe('b', () => undefined);
    (await until('a stream', () => server.streams[0])).stream(sync({ id: 'b.1' }));
    await until('open', () => connection.status.state === 'open');
    page.fire('hidden');
    await clock.advance(1_000);
    connection.subscribe('a', () => undefined);
    await settled();
    assert.deepEqual([connection.status.state, server.streams.length], ['parked', 1]);
    page.fire('visible');
    const second = await until('the next', () => server.streams[1]);
    assert.deepEqual([second.url.pathname, second.query.since], ['/c/a,b/events', 'b.1']);
    connection.close();
  });

  it('has room for sixteen channels: the seventeenth has another (40)', async () => {
    const { connection, server } = openTab();
    for (let i = 1; i <= 17; i++) connection.subscribe(`later-${i}`, () => undefined);
    connection.subscribe('later-18', () => undefined);
    await until('two', () => server.streams.length === 2);
    await settled();
    assert.deepEqual(
      server.streams.map(({ url }) => url.pathname.split(',').length),
      [16, 2],
    );
    connection.close();
  });

  it('of a channel whose position the app keeps is its own, and begins there', async () => {
    const { connection, server } = openTab({ since: { a: 'p.7' } });
    connection.subscribe('a', () => undefined);
    connection.subscribe('b', () => undefined);
    connection.subscribe('c', () => undefined, { since: 'now' });
    await until('three', () => server.streams.length === 3);
    assert.deepEqual(
      server.streams.map(({ url, query }) => `${url.pathname} ${query.since}`),
      ['/c/a/events p.7', '/c/b/events undefined', '/c/c/events now'],
    );
    connection.close();
  });

  it('of a channel that is called as every object has something is at no position', async () => {
    const { connection, server } = openTab({ since: { a: 'p.7' } });
    connection.subscribe('constructor', () => undefined);
    const { url, query } = await until('one', () => server.streams[0]);
    assert.equal(`${url.pathname} ${query.since}`, '/c/constructor/events undefined');
    connection.close();
  });

  it('that the server refuses for good is not asked for again', async () => {
    const { connection, server, clock } = openTab();
    connection.subscribe('a', () => undefined);
    (await until('a try', () => server.streams[0])).answer(400, { code: 'bad_request', status: 400 });
    await until('failed', () => connection.status.state === 'failed');
    assert.deepEqual(connection.status, { state: 'failed', reason: 'bad_request' });
    await clock.advance(600_000);
    assert.equal(server.streams.length, 1);
    connection.close();
  });

  it('with conflation tells how many were left out', async () => {
    const { connection, server } = openTab();
    const folded: number[] = [];
    connection.subscribe('a', () => undefined, { conflateMs: 250, onLagged: (count) => folded.push(count) });
    const stream = await until('a stream', () => server.streams[0]);
    assert.equal(stream.query.conflate, '250ms');
    stream.stream(sync({ id: 'p.0' }) + control('$lagged', { channel: 'a', folded: 3 }));
    await until('it', () => folded.length === 1);
    assert.deepEqual(folded, [3]);
    connection.close();
  });
});
