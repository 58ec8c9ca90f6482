/**
 * Changes that outlive their page: written down before they are sent, adopted only when their owner is gone, given up by age. Cases
 * 11–18 of the client, without a browser.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  assertCode,
  FakeClock,
  FakeLocks,
  type FakeRequest,
  FakeServer,
  FakeStorage,
  openTab,
  settled,
  until,
} from '../kit.ts';

/** A merge by P7: what a server makes of these requests. */
class Merge {
  readonly events: string[] = [];
  readonly #last = new Map<string, number>();

  take({ url, query, body }: FakeRequest): void {
    const key = `${url.pathname} ${query.from}`;
    if (Number(query.seq) <= (this.#last.get(key) ?? 0)) return;
    this.#last.set(key, Number(query.seq));
    this.events.push(body);
  }
}

const fromsOf = (server: FakeServer) => [...new Set(server.posts.map(({ query }) => query.from))];

describe('an outbox', () => {
  it('is taken over at the next start: the same nonce and seq again, then the new ones (11)', async () => {
    const [storage, locks, server] = [new FakeStorage(), new FakeLocks(), new FakeServer()];
    const first = locks.tab();
    const old = openTab({ storage, server, locks: first.locks });
    for (const data of ['1', '2', '3', '4', '5']) void old.connection.publish('room', data);
    const sent = await until('the first', () => server.posts[0]);
    await until('all written', () => storage.changes.size === 5);
    first.kill();
    const next = openTab({ storage, server, locks: locks.tab().locks });
    void next.connection.publish('room', '6');
    const again = await until('the same', () => server.posts[1]);
    assert.deepEqual([again.query, again.body], [sent.query, '1']);
    assert.equal(next.connection.pending, 6);
    server.auto = (request) => request.answer(204);
    again.answer(204);
    await next.connection.flush();
    const posts = server.posts.slice(1);
    assert.deepEqual(
      posts.map(({ body, query }) => `${query.seq} ${body}`),
      ['1 1', '2 2', '3 3', '4 4', '5 5', '1 6'],
    );
    assert.equal(fromsOf(server).length, 2, 'what is new has another nonce');
    await until('nothing is left', () => storage.changes.size === 0);
    next.connection.close();
  });

  it('of a tab that lives is nobody else’s; of one that was killed it is (12, 13)', async () => {
    const [storage, locks] = [new FakeStorage(), new FakeLocks()];
    const one = locks.tab();
    const first = openTab({ storage, locks: one.locks });
    const second = openTab({ storage, locks: locks.tab().locks });
    void first.connection.publish('room', 'a');
    void second.connection.publish('room', 'b');
    await until('one each', () => first.server.posts.length === 1 && second.server.posts.length === 1);
    assert.notEqual(first.server.posts[0]!.query.from, second.server.posts[0]!.query.from);
    second.page.fire('visible');
    await settled();
    assert.equal(second.connection.pending, 1, 'the first lives');
    one.kill();
    second.page.fire('visible');
    await until('it is taken over', () => second.connection.pending === 2);
    second.server.auto = (request) => request.answer(204);
    second.server.posts[0]!.answer(204);
    await second.connection.flush();
    assert.deepEqual(second.server.posts.map(({ body }) => body).sort(), ['a', 'b']);
    assert.ok(second.server.posts.some(({ query }) => query.from === first.server.posts[0]!.query.from));
    first.connection.close();
    second.connection.close();
  });

  it('is not kept by a connection that was closed while it looked', async () => {
    const [storage, locks] = [new FakeStorage(), new FakeLocks()];
    const one = locks.tab();
    const first = openTab({ storage, locks: one.locks });
    void first.connection.publish('room', 'left');
    await until('it is written', () => storage.changes.size === 1);
    one.kill();
    for (let turns = 0; turns < 16; turns++) {
      const brief = openTab({ storage, locks: locks.tab().locks });
      for (let i = 0; i < turns; i++) await Promise.resolve();
      brief.connection.close();
    }
    // What it was given after it was closed it gives back, a moment later.
    await settled();
    const next = openTab({ storage, locks: locks.tab().locks });
    await until('it is taken over', () => next.connection.pending === 1);
    first.connection.close();
    next.connection.close();
  });

  it('is not kept by a look that was still to come when its connection was closed', async () => {
    const [storage, locks] = [new FakeStorage(), new FakeLocks()];
    const one = locks.tab();
    const first = openTab({ storage, locks: one.locks });
    void first.connection.publish('room', 'left');
    await until('it is written', () => storage.changes.size === 1);
    one.kill();
    const brief = openTab({ storage, locks: locks.tab().locks });
    brief.page.fire('visible');
    storage.list = (scope) => {
      Reflect.deleteProperty(storage, 'list');
      brief.connection.close();
      return storage.list(scope);
    };
    await until('it looked', () => brief.connection.status.state === 'closed');
    await settled();
    const next = openTab({ storage, locks: locks.tab().locks });
    await until('it is taken over', () => next.connection.pending === 1);
    first.connection.close();
    next.connection.close();
  });

  it('is shared with nobody of another name or server', async () => {
    const [storage, locks] = [new FakeStorage(), new FakeLocks()];
    const one = locks.tab();
    const first = openTab({ storage, locks: one.locks, name: 'alice' });
    void first.connection.publish('room', 'a');
    await until('it is written', () => storage.changes.size === 1);
    one.kill();
    const other = openTab({ storage, locks: locks.tab().locks, name: 'bob' });
    await settled();
    assert.equal(other.connection.pending, 0);
    other.connection.close();
    first.connection.close();
  });

  it('that another has adopted is asked for by the page that comes back: once, and its promises hold (14)', async () => {
    const [storage, locks, merge] = [new FakeStorage(), new FakeLocks(), new Merge()];
    const first = openTab({ storage, locks: locks.tab().locks });
    const done: string[] = [];
    for (const data of ['1', '2', '3'])
      void first.connection.publish('room', data).then(
        () => done.push(data),
        () => undefined,
      );
    await until('all written', () => storage.changes.size === 3);
    first.page.fire('leaving');
    await settled();
    assert.deepEqual(
      first.server.posts.map(({ query, init }) => `${query.seq} ${init.keepalive}`),
      ['1 false', '1 true'],
      'the head once more, to outlive the page, and nothing else (18)',
    );
    const second = openTab({ storage, locks: locks.tab().locks });
    await settled();
    const [adopted] = second.server.posts;
    assert.ok(adopted, 'what is left behind is free to be sent by another');
    first.page.fire('back');
    await settled();
    assert.deepEqual([first.server.posts.length, first.connection.pending], [2, 0], 'the other has it');
    void first.connection.publish('room', '4');
    const fourth = await until('a new one', () => first.server.posts[2]);
    assert.notEqual(fourth.query.from, adopted.query.from, 'with a nonce of its own');
    merge.take(first.server.posts[0]!);
    second.server.auto = (request) => {
      merge.take(request);
      request.answer(204);
    };
    merge.take(adopted);
    adopted.answer(204);
    await second.connection.flush();
    merge.take(first.server.posts[1]!);
    assert.deepEqual(done, []);
    await first.clock.advance(5_000);
    await until('the promises', () => done.length === 3);
    assert.deepEqual(merge.events, ['1', '2', '3']);
    first.connection.close();
    second.connection.close();
  });

  it('is its own again when nobody took it (14)', async () => {
    const [storage, locks] = [new FakeStorage(), new FakeLocks()];
    const { connection, page, server } = openTab({ storage, locks: locks.tab().locks });
    const done: string[] = [];
    for (const data of ['1', '2'])
      void connection.publish('room', data).then(
        () => done.push(data),
        () => undefined,
      );
    await until('the first', () => server.posts[0]);
    page.fire('frozen');
    server.posts[0]!.cut();
    await settled();
    assert.equal(server.posts.length, 1, 'nothing is sent by a page that is put away');
    page.fire('back');
    void connection.publish('room', '3').then(() => done.push('3'));
    const again = await until('the same', () => server.posts[1]);
    assert.deepEqual(again.query, server.posts[0]!.query);
    server.auto = (request) => request.answer(204);
    again.answer(204);
    await until('all', () => done.length === 3);
    assert.deepEqual(
      server.posts.map(({ body }) => body),
      ['1', '1', '2', '3'],
    );
    connection.close();
  });

  it('gives up what is too old, and says so; a wall clock that jumps does not make it old (15, 21)', async () => {
    const [storage, locks] = [new FakeStorage(), new FakeLocks()];
    const fakeClock = new FakeClock();
    const one = locks.tab();
    const outbox = { maxAgeMs: 60_000 };
    const first = openTab({ storage, locks: one.locks, fakeClock, outbox });
    const expired = assert.rejects(first.connection.publish('room', 'old'), assertCode('expired'));
    (await until('a try', () => first.server.posts[0])).answer(503, null, { 'retry-after': '30' });
    await settled();
    fakeClock.jump(3_600_000);
    await fakeClock.advance(30_000);
    (await until('another', () => first.server.posts[1])).answer(503, null, { 'retry-after': '31' });
    await fakeClock.advance(31_000);
    await expired;
    assert.deepEqual([first.server.posts.length, first.connection.pending, storage.changes.size], [2, 0, 0]);
    assert.deepEqual(
      first.dropped.map(({ why }) => why),
      ['expired'],
    );
    void first.connection.publish('room', 'left');
    await until('it is written', () => storage.changes.size === 1);
    one.kill();
    await fakeClock.advance(61_000);
    const next = openTab({ storage, locks: locks.tab().locks, fakeClock, outbox });
    await until('it is given up', () => next.dropped.length === 1);
    assert.deepEqual([next.server.posts.length, next.dropped[0]!.why], [0, 'expired']);
    first.connection.close();
    next.connection.close();
  });

  it('goes on in memory where nothing can be written, with another nonce, and says so (16)', async () => {
    const [storage, locks] = [new FakeStorage(), new FakeLocks()];
    const { connection, server, errors, statuses } = openTab({ storage, locks: locks.tab().locks });
    server.auto = (request) => request.answer(204);
    await connection.publish('room', '1');
    storage.broken = true;
    await connection.publish('room', '2');
    storage.broken = false;
    await connection.publish('room', '3');
    assert.deepEqual(
      server.posts.map(({ body, query }) => `${query.seq} ${body}`),
      ['1 1', '1 2', '2 3'],
    );
    assert.equal(fromsOf(server).length, 2);
    assert.deepEqual([storage.changes.size, errors.length, statuses.at(-1)?.reason], [0, 1, 'not-durable']);
    connection.close();
  });

  it('is in memory where there are locks and none may be had', async () => {
    const locks = { request: () => Promise.reject(new DOMException('of an origin that is none', 'SecurityError')) };
    for (const storage of ['memory', new FakeStorage()] as const) {
      const { connection, server, statuses } = openTab({ storage, locks });
      server.auto = (request) => request.answer(204);
      await Promise.all(['1', '2'].map((text) => connection.publish('room', text)));
      assert.deepEqual(
        server.posts.map(({ body }) => body),
        ['1', '2'],
      );
      assert.equal(statuses.at(-1)?.reason, storage === 'memory' ? undefined : 'not-durable');
      connection.close();
    }
  });

  it('is in memory without IndexedDB or locks, and says so (16)', async () => {
    const { connection, server } = openTab({ storage: 'indexeddb' });
    server.auto = (request) => request.answer(204);
    await connection.publish('room', '1');
    await until('it says so', () => connection.status.reason === 'not-durable');
    connection.close();
  });

  it('is once what its publisher sent, wherever it is killed (17)', async () => {
    // At each of its writes, requests and answers; the next start sends what is left.
    for (let kill = 0; kill < 24; kill++) {
      const [storage, locks, merge] = [new FakeStorage(), new FakeLocks(), new Merge()];
      let steps = 0;
      let isDead = false;
      const dead = () => {
        isDead ||= steps++ >= kill;
        return isDead;
      };
      const never = new Promise<never>(() => undefined);
      const dying = {
        list: (scope: string) => (isDead ? never : storage.list(scope)),
        async put(change: Parameters<FakeStorage['put']>[0]) {
          if (dead()) return never;
          await storage.put(change);
          if (dead()) return never;
        },
        async delete(change: Parameters<FakeStorage['delete']>[0]) {
          if (dead()) return never;
          await storage.delete(change);
        },
      };
      const one = locks.tab();
      const first = openTab({ storage: dying, locks: one.locks });
      first.server.auto = (request) => {
        if (dead()) return;
        merge.take(request);
        if (!dead()) request.answer(204);
      };
      const done: string[] = [];
      for (const data of ['1', '2', '3'])
        void first.connection.publish('room', data).then(
          () => done.push(data),
          () => undefined,
        );
      await settled();
      await settled();
      isDead = true;
      one.kill();
      const next = openTab({ storage, locks: locks.tab().locks });
      next.server.auto = (request) => {
        merge.take(request);
        request.answer(204);
      };
      await next.connection.flush();
      await until('nothing to be left', () => storage.changes.size === 0);
      const expected = ['1', '2', '3'].slice(0, merge.events.length);
      assert.deepEqual(merge.events, expected, `killed at step ${kill}: once and in order`);
      assert.ok(merge.events.length >= done.length, `killed at step ${kill}: what was promised`);
      first.connection.close();
      next.connection.close();
    }
  });
});
