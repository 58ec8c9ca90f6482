/** What waits goes in one request, where the server says that it takes that (P41): whole, in order, and never what it would not take. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertCode, openTab, settled, sync, until } from '../kit.ts';

const LIMITS = { maxBatchChanges: 4, maxBatchBytes: 100 };

/** A connection whose stream is open, and a first change that is on its way. */
async function sending(limits: { maxBatchChanges?: number; maxBatchBytes?: number } = LIMITS) {
  const tab = openTab();
  tab.connection.subscribe('room', () => undefined);
  (await until('a stream', () => tab.server.streams[0])).stream(sync({ id: 'a.0', ...limits }));
  await until('open', () => tab.connection.status.state === 'open');
  const first = tab.connection.publish('room', 'first');
  const post = await until('a POST', () => tab.server.posts[0]);
  assert.equal(post.query.batch, undefined);
  return { ...tab, first, post };
}

const asked = ({ query, body }: { query: Record<string, string>; body: string }) => [query.batch, query.seq, body];
const lines = (...texts: string[]) => texts.map((text) => `${JSON.stringify(text)}\n`).join('');

describe('a batch', () => {
  it('is what came while the first was on its way, and its 204 is that of each', async () => {
    const { connection, server, post, first } = await sending();
    const done: string[] = [];
    for (const text of ['a', 'two\nlines', '"é"']) void connection.publish('room', text).then(() => done.push(text));
    post.answer(204);
    await first;
    const batch = await until('the batch', () => server.posts[1]);
    assert.deepEqual(asked(batch), ['1', '2', lines('a', 'two\nlines', '"é"')]);
    assert.equal(batch.query.from, post.query.from);
    assert.equal(batch.headers.get('content-type'), null, 'a type would need a preflight');
    await settled();
    assert.deepEqual([done, connection.pending], [[], 3]);
    batch.answer(204);
    await connection.flush();
    await until('all', () => done.length === 3);
    assert.deepEqual(done, ['a', 'two\nlines', '"é"']);
    connection.close();
  });

  it('is sent again with what has come since, and in between nothing else is', async () => {
    const { connection, server, post, clock } = await sending();
    for (const text of ['a', 'b']) void connection.publish('room', text);
    post.answer(204);
    (await until('the batch', () => server.posts[1])).answer(503);
    void connection.publish('room', 'c');
    await settled();
    assert.equal(server.posts.length, 2);
    await clock.advance(1_000);
    assert.deepEqual(asked(await until('the next', () => server.posts[2])), ['1', '2', lines('a', 'b', 'c')]);
    connection.close();
  });

  it('has as many changes, and bytes, as the server takes', async () => {
    const { connection, server, post } = await sending();
    for (const text of ['1', '2', '3', '4', '5', 'x'.repeat(60), 'y'.repeat(60), 'z'])
      void connection.publish('room', text);
    post.answer(204);
    const expected = [
      ['1', '2', lines('1', '2', '3', '4')],
      ['1', '6', lines('5', 'x'.repeat(60))],
      ['1', '8', lines('y'.repeat(60), 'z')],
    ];
    for (const [i, each] of expected.entries()) {
      const batch = await until(`batch ${i}`, () => server.posts[1 + i]);
      assert.deepEqual(asked(batch), each);
      batch.answer(204);
    }
    await connection.flush();
    connection.close();
  });

  it('has nothing in it that is no text, nor of another channel', async () => {
    const { connection, server, post } = await sending();
    const bytes = Uint8Array.of(0xff, 0);
    for (const data of ['a', bytes, 'b', 'c']) void connection.publish('room', data);
    void connection.publish('other', 'o');
    const other = await until('the other', () => server.posts[1]);
    assert.deepEqual([other.url.pathname, ...asked(other)], ['/c/other', undefined, '1', 'o']);
    other.answer(204);
    post.answer(204);
    const sent = [
      [undefined, '2', 'a'],
      [undefined, '3', Buffer.from(bytes).toString()],
      ['1', '4', lines('b', 'c')],
    ];
    for (const [i, each] of sent.entries()) {
      const request = await until(`request ${i}`, () => server.posts[2 + i]);
      assert.deepEqual(asked(request), each);
      request.answer(204);
    }
    await connection.flush();
    connection.close();
  });

  it('that is refused goes one by one until the change is found that is meant, and no other is dropped', async () => {
    const { connection, server, post, dropped } = await sending();
    const good = connection.publish('room', 'good');
    const bad = connection.publish('room', 'bad');
    const more = ['more', 'still'].map((text) => connection.publish('room', text));
    const refused = assert.rejects(bad, assertCode('change_too_large'));
    post.answer(204);
    const problem = { code: 'change_too_large', status: 413 };
    (await until('the batch', () => server.posts[1])).answer(413, problem);
    const alone = await until('the first alone', () => server.posts[2]);
    assert.deepEqual(asked(alone), [undefined, '2', 'good']);
    alone.answer(204);
    await good;
    (await until('the bad one', () => server.posts[3])).answer(413, problem);
    await refused;
    const rest = await until('the rest', () => server.posts[4]);
    assert.deepEqual(asked(rest), ['1', '4', lines('more', 'still')]);
    rest.answer(204);
    await Promise.all(more);
    assert.equal(dropped.length, 1);
    connection.close();
  });

  it('is not sent to a server that has not said that it takes them', async () => {
    const { connection, server, post } = await sending({});
    for (const text of ['a', 'b']) void connection.publish('room', text);
    post.answer(204);
    assert.deepEqual(asked(await until('the next', () => server.posts[1])), [undefined, '2', 'a']);
    connection.close();
  });

  it('is what a page that goes leaves with', async () => {
    const { connection, server, post, page, first } = await sending();
    post.answer(204);
    await first;
    void connection.publish('room', 'a');
    await until('it', () => server.posts[1]);
    for (const text of ['b', 'c']) void connection.publish('room', text);
    await settled();
    page.fire('leaving');
    const last = await until('the last', () => server.posts[2]);
    assert.deepEqual([last.init.keepalive, ...asked(last)], [true, '1', '2', lines('a', 'b', 'c')]);
    connection.close();
  });
});
