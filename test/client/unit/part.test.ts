/**
 * The part of the client that is loaded beside the rest: it comes late, or not at all, and nothing that was published or is to be heard
 * depends on it. What needs it asks for it again, and not at once.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { more } from '../../../src/client/more.ts';
import type { Part } from '../../../src/client/part.ts';
import {
  event,
  FakeLocks,
  FakeStorage,
  fakeBroadcast,
  openTab,
  settled,
  sync,
  type TabOptions,
  until,
} from '../kit.ts';

/** What is loaded when a test says so; each time that it is asked for counts. */
function loading() {
  const asked: { come: () => void; fail: () => void }[] = [];
  const load = () =>
    new Promise<Part>((resolve, reject) => {
      asked.push({ come: () => resolve(more), fail: () => reject(new TypeError('it could not be loaded')) });
    });
  return { asked, load };
}

const BATCHES = { maxBatchChanges: 10, maxBatchBytes: 1_000 };

async function opened(options: TabOptions) {
  const tab = openTab(options);
  const heard: string[] = [];
  tab.connection.subscribe('room', ({ data }) => heard.push(String(data)));
  const stream = await until('a stream', () => tab.server.streams[0]);
  stream.stream(sync({ id: 'a.0', ...BATCHES }));
  await until('open', () => tab.connection.status.state === 'open');
  return { ...tab, heard, stream };
}

describe('the part that is loaded late', () => {
  it('comes late: until then each change goes alone, and after it what waits goes together', async () => {
    const { asked, load } = loading();
    const { connection, server } = await opened({ load });
    const done = ['1', '2', '3', '4'].map((text) => connection.publish('room', text));
    (await until('the first', () => server.posts[0])).answer(204);
    const second = await until('the second', () => server.posts[1]);
    assert.deepEqual([second.query.batch, second.query.seq, second.body], [undefined, '2', '2']);
    assert.equal(asked.length, 1, 'asked for once');
    asked[0]!.come();
    await settled();
    second.answer(204);
    const rest = await until('the rest', () => server.posts[2]);
    assert.deepEqual([rest.query.batch, rest.query.seq, rest.body], ['1', '3', '"3"\n"4"\n']);
    rest.answer(204);
    await Promise.all(done);
    connection.close();
  });

  it('does not come: it is asked for again after a back-off, and meanwhile all is sent and heard', async () => {
    const { asked, load } = loading();
    const { connection, server, clock, heard, stream, statuses } = await opened({ load });
    server.auto = (request) => request.answer(204);
    asked[0]!.fail();
    await settled();
    await Promise.all(['1', '2', '3'].map((text) => connection.publish('room', text)));
    assert.deepEqual([server.posts.map(({ body }) => body), asked.length], [['1', '2', '3'], 1]);
    await assert.rejects(connection.state('room'), /could not be loaded/);
    assert.equal(asked.length, 1, 'told at once, and not asked for again so soon');
    await clock.advance(1_000);
    const state = connection.state('room');
    await until('asked for again', () => asked.length === 2);
    asked[1]!.come();
    server.auto = (request) => request.answer(200, { cursor: 'a.1', state: { yes: '1' } });
    assert.deepEqual((await state).state, { yes: '1' });
    stream.write(event('a.1', 'x'));
    await until('the event', () => heard.length === 1);
    assert.deepEqual([heard, statuses.at(-1)!.state], [['x'], 'open']);
    connection.close();
  });

  it('waits longer each time that it does not come', async () => {
    const { asked, load } = loading();
    const { connection, clock } = openTab({ load });
    const askedWithin = async (ms: number) => {
      const before = asked.length;
      for (let passed = 0; passed < ms; passed += 100) {
        const failed = assert.rejects(connection.state('room'));
        await settled();
        asked.at(-1)!.fail();
        await failed;
        await clock.advance(100);
      }
      return asked.length - before;
    };
    const [first, later] = [await askedWithin(5_000), await askedWithin(5_000)];
    assert.ok(first >= 3 && first <= 5 && later <= 1, `${first} and ${later} times in five seconds`);
    connection.close();
  });

  it('comes late to an outbox: what was published before is kept, and sent once it is known what was left', async () => {
    const [storage, locks] = [new FakeStorage(), new FakeLocks()];
    const old = locks.tab();
    const left = openTab({ storage, locks: old.locks });
    void left.connection.publish('room', 'left');
    await until('it is written', () => storage.changes.size === 1);
    old.kill();
    const { asked, load } = loading();
    const { connection, server } = openTab({ storage, locks: locks.tab().locks, load });
    const done = connection.publish('room', 'new');
    await settled();
    assert.deepEqual([connection.pending, server.posts.length, asked.length], [1, 0, 1]);
    server.auto = (request) => request.answer(204);
    asked[0]!.come();
    await done;
    await connection.flush();
    assert.deepEqual(textsOfPosts(server.posts), ['left', 'new']);
    await until('nothing is left', () => storage.changes.size === 0);
    connection.close();
    left.connection.close();
  });

  it('comes to an outbox that was closed meanwhile: what was published before is written down for the next', async () => {
    const [storage, locks] = [new FakeStorage(), new FakeLocks()];
    const { asked, load } = loading();
    const first = openTab({ storage, locks: locks.tab().locks, load });
    const closed = assert.rejects(first.connection.publish('room', 'kept'));
    await settled();
    first.connection.close();
    await closed;
    asked[0]!.come();
    await until('it is written', () => storage.changes.size === 1);
    assert.equal(first.server.requests.length, 0);
    // And its lock is given back.
    await settled();
    const next = openTab({ storage, locks: locks.tab().locks });
    next.server.auto = (request) => request.answer(204);
    await until('it is sent', () => next.server.posts.length === 1);
    assert.equal(next.server.posts[0]!.body, 'kept');
    next.connection.close();
  });

  it('does not come to a tab: it has a stream of its own, and shares the next one once it has come', async () => {
    const { asked, load } = loading();
    const { connection, server, clock } = openTab({
      share: true,
      locks: new FakeLocks().tab().locks,
      Channel: fakeBroadcast(),
      load,
    });
    const transports: (string | undefined)[] = [];
    connection.subscribe('room', () => undefined);
    for (const act of ['fail', 'come'] as const) {
      const { length } = server.streams;
      await until('asked for', () => asked.length === length + 1);
      asked[length]![act]();
      const stream = await until('a stream', () => server.streams[length]);
      stream.stream(sync({ id: 'a.0' }));
      await until('open', () => connection.status.state === 'open');
      transports.push(connection.status.transport);
      if (act === 'fail') stream.cut();
      await clock.advance(5_000);
    }
    assert.deepEqual(transports, ['fetch', 'shared']);
    connection.close();
  });

  it('does not come to an outbox: it is in memory, and that is said', async () => {
    const [storage, locks] = [new FakeStorage(), new FakeLocks()];
    const { asked, load } = loading();
    const { connection, server, errors } = openTab({ storage, locks: locks.tab().locks, load });
    server.auto = (request) => request.answer(204);
    const done = ['1', '2'].map((text) => connection.publish('room', text));
    await settled();
    asked[0]!.fail();
    await Promise.all(done);
    assert.deepEqual(textsOfPosts(server.posts), ['1', '2']);
    assert.deepEqual([connection.status.reason, errors.length, storage.changes.size], ['not-durable', 1, 0]);
    connection.close();
  });
});

const textsOfPosts = (posts: readonly { body: string }[]) => posts.map(({ body }) => body);
