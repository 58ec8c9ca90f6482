/** What is published: when it is sent again, when not, and what its publisher is told. Cases 2–4, 7–10, 21 of the client. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertCode, openTab, settled, until } from '../kit.ts';

const ofQuery = ({ query }: { query: Record<string, string> }) => `${query.from} ${query.seq}`;

describe('a change', () => {
  it('is sent with a nonce and a seq, one after the other, and its promise is its 204', async () => {
    const { connection, server } = openTab({ name: 'alice' });
    const done: string[] = [];
    for (const data of ['a', 'b']) void connection.publish('room', data).then(() => done.push(data));
    assert.equal(connection.pending, 2);
    const first = await until('a POST', () => server.posts[0]);
    await settled();
    assert.equal(server.posts.length, 1, 'one at a time');
    assert.equal(first.url.pathname, '/c/room');
    assert.match(first.query.from!, /^alice\.[\w-]{20}$/);
    assert.deepEqual([first.query.seq, first.body, done.length], ['1', 'a', 0]);
    first.answer(204);
    const second = await until('the next', () => server.posts[1]);
    assert.deepEqual([second.query.from, second.query.seq, second.body], [first.query.from, '2', 'b']);
    assert.deepEqual(done, ['a']);
    second.answer(204);
    await until('both', () => done.length === 2);
    await connection.flush();
    assert.deepEqual([done, connection.pending], [['a', 'b'], 0]);
    connection.close();
  });

  it('is sent again, the very same, after whatever is no answer of the server (2)', async () => {
    const { connection, server, clock } = openTab();
    const done = connection.publish('room', 'x');
    const answers: readonly [number, string | null, Record<string, string>, number][] = [
      [503, null, { 'retry-after': '7' }, 7_000],
      [429, null, {}, 750],
      [502, '<html>bad gateway</html>', { 'content-type': 'text/html' }, 1_250],
      [200, '<html>log in here</html>', { 'content-type': 'text/html' }, 2_250],
      [408, null, {}, 4_250],
    ];
    for (const [i, [status, body, headers, waitMs]] of answers.entries()) {
      (await until(`try ${i}`, () => server.posts[i])).answer(status, body, headers);
      await clock.advance(waitMs - 1);
      assert.equal(server.posts.length, i + 1, `${status}: not before its time`);
      assert.equal(connection.pending, 1, `${status}: not taken for a yes`);
      await clock.advance(1);
    }
    (await until('the last try', () => server.posts[answers.length])).answer(204);
    await done;
    assert.deepEqual([...new Set(server.posts.map(ofQuery))].length, 1);
    assert.deepEqual([...new Set(server.posts.map(({ body }) => body))], ['x']);
    connection.close();
  });

  for (const status of [400, 413, 415]) {
    it(`that is answered ${status} is dropped and says so, and the next goes (3)`, async () => {
      const { connection, server, dropped } = openTab();
      const refused = assert.rejects(connection.publish('room', 'bad'), assertCode('no_good'));
      const next = connection.publish('room', 'good');
      (await until('it', () => server.posts[0])).answer(status, { code: 'no_good', status, detail: 'No.' });
      await refused;
      const second = await until('the next', () => server.posts[1]);
      assert.deepEqual([second.query.seq, second.body], ['2', 'good']);
      second.answer(204);
      await next;
      assert.deepEqual(
        dropped.map(({ why, data, problem }) => [why, Buffer.from(data).toString(), problem?.code]),
        [['rejected', 'bad', 'no_good']],
      );
      connection.close();
    });
  }

  it('waits for another token once, and then for somebody to do something (4)', async () => {
    let asked = 0;
    const { connection, server, clock } = openTab({ token: () => `token-${++asked}` });
    const done = connection.publish('room', 'x');
    (await until('a try', () => server.posts[0])).answer(401, { code: 'unauthorized', status: 401 });
    const second = await until('another', () => server.posts[1]);
    assert.deepEqual(
      server.posts.map(({ headers }) => headers.get('authorization')),
      ['Bearer token-1', 'Bearer token-2'],
    );
    second.answer(403, { code: 'forbidden', status: 403 });
    await until('failed', () => connection.status.state === 'failed');
    assert.deepEqual(connection.status, { state: 'failed', reason: 'unauthorized' });
    await clock.advance(600_000);
    assert.deepEqual([server.posts.length, connection.pending], [2, 1], 'kept, and not sent');
    connection.reconnect();
    (await until('a third', () => server.posts[2])).answer(204);
    await done;
    assert.equal(new Set(server.posts.map(ofQuery)).size, 1);
    connection.close();
  });

  it('that is never answered is sent again after 10 s, and the first try is ended (5)', async () => {
    const { connection, server, clock } = openTab();
    const done = connection.publish('room', 'x');
    const first = await until('a try', () => server.posts[0]);
    await clock.advance(9_999);
    assert.equal(first.isOver, false);
    await clock.advance(1);
    assert.equal(first.isOver, true, 'its connection is free');
    await clock.advance(500);
    const second = await until('another', () => server.posts[1]);
    await clock.advance(9_999);
    assert.equal(second.isOver, false, 'each try has a limit of its own');
    second.answer(204);
    await done;
    connection.close();
  });

  it('is tried at once when the network is said to be back, and the back-off goes on to grow (7)', async () => {
    const { connection, server, clock, page } = openTab();
    void connection.publish('room', 'x');
    for (let tries = 1; tries <= 4; tries++) {
      (await until(`try ${tries}`, () => server.posts[tries - 1])).cut();
      await settled();
      page.fire('online');
    }
    (await until('try 5', () => server.posts[4])).cut();
    await clock.advance(250 + 500 * 8 - 1);
    assert.equal(server.posts.length, 5, 'five failures: nobody hurries');
    await clock.advance(1);
    assert.equal(server.posts.length, 6);
    connection.close();
  });

  it('of another channel goes on where one is refused, two at a time (8)', async () => {
    const { connection, server } = openTab();
    for (const channel of ['a', 'b', 'c']) for (const data of ['1', '2']) void connection.publish(channel, data);
    server.auto = (request) => {
      if (request.url.pathname === '/c/a') request.answer(503, null, { 'retry-after': '100' });
    };
    await until('b and c', () => server.posts.filter(({ isOver }) => !isOver).length === 2);
    await settled();
    assert.equal(server.posts.filter(({ isOver }) => !isOver).length, 2);
    server.auto = (request) => request.answer(204);
    for (const post of server.posts) if (!post.isOver) post.answer(204);
    await until('all but those of a', () => connection.pending === 2);
    assert.equal(server.posts.filter(({ url }) => url.pathname === '/c/a').length, 1);
    connection.close();
  });

  it('is refused once the connection is closed, and nothing is left of it (9)', async () => {
    const { connection, server, clock } = openTab();
    const inFlight = assert.rejects(connection.publish('room', 'x'), assertCode('closed'));
    const waiting = assert.rejects(connection.publish('room', 'y'), assertCode('closed'));
    const flushed = assert.rejects(connection.flush(), assertCode('closed'));
    await until('a POST', () => server.posts[0]);
    connection.subscribe('room', () => assert.fail('after the end'));
    await until('a stream', () => server.streams[0]);
    connection.close();
    await Promise.all([inFlight, waiting, flushed]);
    await assert.rejects(connection.publish('room', 'z'), assertCode('closed'));
    await settled();
    assert.ok(
      server.requests.every(({ isOver }) => isOver),
      'no request',
    );
    assert.equal(clock.timers.size, 0, 'no timer');
    assert.equal(server.posts.length, 1);
  });

  it('does not fit: said at once; one that replaces takes the place of an unsent one, never of a sent one (10)', async () => {
    const { connection, server, dropped } = openTab({ outbox: { maxItems: 3, maxBytes: 10 } });
    void connection.publish('room', 'at-1', { replace: 'at' });
    await until('it is sent', () => server.posts[0]);
    void connection.publish('room', 'at-2', { replace: 'at' });
    void connection.publish('room', 'at3', { replace: 'at' });
    assert.equal(connection.pending, 2);
    await assert.rejects(connection.publish('room', 'four'), assertCode('full'));
    void connection.publish('room', 'z');
    await assert.rejects(connection.publish('room', 'y'), assertCode('full'));
    assert.deepEqual(
      dropped.map(({ why }) => why),
      ['full', 'full'],
    );
    server.auto = (request) => request.answer(204);
    server.posts[0]!.answer(204);
    await connection.flush();
    assert.deepEqual(
      server.posts.map(({ body, query }) => `${query.seq} ${body}`),
      ['1 at-1', '2 at3', '3 z'],
    );
    connection.close();
  });

  it('can be taken back until it is sent', async () => {
    const { connection, server } = openTab();
    const taking = new AbortController();
    void connection.publish('room', 'a', { signal: taking.signal });
    const back = assert.rejects(connection.publish('room', 'b', { signal: taking.signal }), assertCode('aborted'));
    await until('the first', () => server.posts[0]);
    taking.abort();
    await back;
    assert.equal(connection.pending, 1, 'the first is on its way');
    server.posts[0]!.answer(204);
    await connection.flush();
    assert.equal(server.posts.length, 1);
    connection.close();
  });

  it('meets no storm and no endless wait when the wall clock jumps (21)', async () => {
    const { connection, server, clock } = openTab();
    void connection.publish('room', 'x');
    (await until('a try', () => server.posts[0])).answer(503, null, { 'retry-after': '5' });
    await settled();
    clock.jump(3_600_000);
    await clock.advance(4_999);
    assert.equal(server.posts.length, 1);
    clock.jump(-7_200_000);
    await clock.advance(1);
    assert.equal(server.posts.length, 2);
    connection.close();
  });

  it('that cannot be one is refused at once', async () => {
    const { connection } = openTab();
    await assert.rejects(connection.publish('no room', 'x'), assertCode('invalid'));
    await assert.rejects(connection.publish('room', ''), assertCode('invalid'));
    assert.throws(() => openTab({ name: 'a.b' }), assertCode('invalid'));
    connection.close();
  });
});
