/**
 * A change is never forgotten, overtaken or sent under a second `seq`, whatever happens while it is written down or while what others
 * left is looked for.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { StoredChange } from '../../../src/client/storage.ts';
import { FakeLocks, FakeStorage, openTab, settled, until } from '../kit.ts';

/** A storage that does not answer before it is told to. */
class SlowStorage extends FakeStorage {
  /** So many lists are answered before they become slow. */
  listsUntilSlow = Number.POSITIVE_INFINITY;
  /** Of the changes with these bytes. */
  readonly slowPuts = new Map<string, (error?: Error) => void>();
  readonly #slow: Set<string>;
  #lists: (() => void)[] = [];

  get asked(): number {
    return this.#lists.length;
  }

  constructor(...slow: string[]) {
    super();
    this.#slow = new Set(slow);
  }

  override async list(scope: string): Promise<StoredChange[]> {
    if (this.listsUntilSlow-- <= 0) await new Promise<void>((resolve) => this.#lists.push(resolve));
    return super.list(scope);
  }

  override async put(change: StoredChange): Promise<void> {
    const data = Buffer.from(change.bytes).toString();
    if (this.#slow.delete(data)) {
      await new Promise<void>((resolve, reject) =>
        this.slowPuts.set(data, (error) => (error ? reject(error) : resolve())),
      );
    }
    return super.put(change);
  }

  answerLists(): void {
    this.listsUntilSlow = Number.POSITIVE_INFINITY;
    for (const answer of this.#lists.splice(0)) answer();
  }
}

describe('an outbox that is written slowly', () => {
  it('writes down what was published before it was closed, also before it was open', async () => {
    const [storage, locks] = [new FakeStorage(), new FakeLocks()];
    const first = openTab({ storage, locks: locks.tab().locks });
    first.connection.publish('room', '1').catch(() => undefined);
    first.connection.close();
    await until('it is written', () => storage.changes.size === 1);
    const next = openTab({ storage, locks: locks.tab().locks });
    next.server.auto = (request) => request.answer(204);
    await until('it is sent', () => next.server.posts.length === 1);
    await until('nothing is left', () => storage.changes.size === 0);
    assert.deepEqual([first.server.posts.length, next.server.posts[0]!.body], [0, '1']);
    next.connection.close();
  });

  for (const how of ['frozen', 'closed'] as const) {
    it(`is not taken over before all of it is written: a lower seq would come after a higher one (${how})`, async () => {
      const [storage, locks] = [new SlowStorage('1'), new FakeLocks()];
      const first = openTab({ storage, locks: locks.tab().locks });
      for (const data of ['1', '2']) first.connection.publish('room', data).catch(() => undefined);
      await until('the second is written', () => storage.changes.size === 1);
      if (how === 'frozen') first.page.fire('frozen');
      else first.connection.close();
      const other = openTab({ storage, locks: locks.tab().locks });
      other.server.auto = (request) => request.answer(204);
      void other.connection.publish('elsewhere', 'x');
      await until('it has looked', () => other.server.posts.length > 0);
      const ofRoom = () => other.server.posts.filter(({ url }) => url.pathname === '/c/room');
      assert.equal(ofRoom().length, 0, 'the first is not written yet');
      storage.slowPuts.get('1')!();
      await until('the first is written', () => storage.changes.size === 2);
      await until('nothing is left', () => {
        other.page.fire('visible');
        return storage.changes.size === 0;
      });
      assert.deepEqual(
        ofRoom().map(({ body, query }) => `${query.seq} ${body}`),
        ['1 1', '2 2'],
      );
      first.connection.close();
      other.connection.close();
    });
  }

  it('sends the newest of a replaced change, also when the older could not be written', async () => {
    const [storage, locks] = [new SlowStorage('old'), new FakeLocks()];
    const { connection, server } = openTab({ storage, locks: locks.tab().locks });
    void connection.publish('room', 'old', { replace: 'key' });
    await until('it is being written', () => storage.slowPuts.has('old'));
    void connection.publish('room', 'new', { replace: 'key' });
    storage.slowPuts.get('old')!(new Error('the quota is exceeded'));
    const sent = await until('it', () => server.posts[0]);
    assert.equal(sent.body, 'new');
    connection.close();
  });

  it('leaves nothing older behind for others when the newest of a replaced change cannot be written', async () => {
    const [storage, locks] = [new SlowStorage('new'), new FakeLocks()];
    const { connection, page, server } = openTab({ storage, locks: locks.tab().locks });
    void connection.publish('room', 'head');
    void connection.publish('room', 'old', { replace: 'key' });
    await until('the head', () => server.posts[0]);
    await until('the older is written', () => storage.changes.size === 2);
    const done = connection.publish('room', 'new', { replace: 'key' });
    await until('it is being written', () => storage.slowPuts.has('new'));
    storage.slowPuts.get('new')!(new Error('the quota is exceeded'));
    await until('the older is gone', () => storage.changes.size === 1);
    page.fire('frozen');
    const other = openTab({ storage, locks: locks.tab().locks });
    other.server.auto = (request) => request.answer(204);
    await until('it is taken over', () => {
      other.page.fire('visible');
      return storage.changes.size === 0;
    });
    server.auto = (request) => request.answer(204);
    page.fire('back');
    await done;
    assert.deepEqual(
      [...other.server.posts, ...server.posts.slice(1)].map(({ body }) => body),
      ['head', 'new'],
    );
    connection.close();
    other.connection.close();
  });

  it('is handed over also by a page that is frozen before it was open', async () => {
    const [storage, locks] = [new FakeStorage(), new FakeLocks()];
    const first = openTab({ storage, locks: locks.tab().locks });
    void first.connection.publish('room', '1');
    first.page.fire('frozen');
    await until('it is written', () => storage.changes.size === 1);
    const other = openTab({ storage, locks: locks.tab().locks });
    other.server.auto = (request) => request.answer(204);
    await until('it is taken over', () => {
      other.page.fire('visible');
      return storage.changes.size === 0;
    });
    assert.deepEqual([first.server.posts.length, other.server.posts[0]!.body], [0, '1']);
    first.connection.close();
    other.connection.close();
  });

  it('sends nothing at leaving that may still come to have another seq', async () => {
    const [storage, locks] = [new SlowStorage('1'), new FakeLocks()];
    const { connection, page, server } = openTab({ storage, locks: locks.tab().locks });
    const done = connection.publish('room', '1');
    await until('it is being written', () => storage.slowPuts.has('1'));
    page.fire('leaving');
    await settled();
    assert.equal(server.posts.length, 0, 'it is not written yet');
    storage.slowPuts.get('1')!(new Error('the quota is exceeded'));
    page.fire('back');
    server.auto = (request) => request.answer(204);
    await done;
    assert.deepEqual(
      server.posts.map(({ body }) => body),
      ['1'],
    );
    connection.close();
  });
});

describe('what others left', () => {
  for (const what of ['online', 'visible', 'leaving'] as const) {
    it(`goes out before what is new, also when the page is ${what} before it is known`, async () => {
      const [storage, locks] = [new SlowStorage(), new FakeLocks()];
      const one = locks.tab();
      const first = openTab({ storage, locks: one.locks });
      void first.connection.publish('room', 'left').catch(() => undefined);
      await until('it is written', () => storage.changes.size === 1);
      one.kill();
      storage.listsUntilSlow = 0;
      const next = openTab({ storage, locks: locks.tab().locks });
      next.server.auto = (request) => request.answer(204);
      void next.connection.publish('room', 'new');
      await until('it is written', () => storage.changes.size === 2);
      next.page.fire(what);
      await settled();
      assert.equal(next.server.posts.length, 0, 'what is older is not known');
      storage.answerLists();
      if (what === 'leaving') next.page.fire('back');
      await until('both', () => next.server.posts.length === 2);
      assert.deepEqual(
        next.server.posts.map(({ body }) => body),
        ['left', 'new'],
      );
      first.connection.close();
      next.connection.close();
    });
  }

  it('is not what this connection itself has, where there are no locks', async () => {
    const storage = new FakeStorage();
    const { connection, server } = openTab({ storage });
    void connection.publish('room', '1');
    void connection.publish('room', 'old', { replace: 'key' });
    await until('the first', () => server.posts[0]);
    await until('both are written', () => storage.changes.size === 2);
    // What is found is taken all at once: with that of another everything is.
    const [own] = storage.changes.values();
    await storage.put({ ...own!, from: 'anyone.another', channel: 'elsewhere' });
    connection.reconnect();
    await until('it has looked', () => connection.pending > 2);
    assert.equal(connection.pending, 3);
    void connection.publish('room', 'new', { replace: 'key' });
    server.auto = (request) => request.answer(204);
    for (const request of server.posts) request.answer(204);
    await connection.flush();
    assert.deepEqual(
      server.posts.filter(({ url }) => url.pathname === '/c/room').map(({ body }) => body),
      ['1', 'new'],
    );
    connection.close();
  });

  it('stays with whoever looks at it until it is taken up', async () => {
    const [storage, locks] = [new SlowStorage(), new FakeLocks()];
    const one = locks.tab();
    const first = openTab({ storage, locks: one.locks });
    void first.connection.publish('room', 'left').catch(() => undefined);
    await until('it is written', () => storage.changes.size === 1);
    const { from } = [...storage.changes.values()][0]!;
    const { locks: mine } = locks.tab();
    const next = openTab({ storage, locks: mine });
    void next.connection.publish('other', 'own');
    await until('its own', () => next.server.posts[0]);
    one.kill();
    // The second is asked for under the lock.
    storage.listsUntilSlow = 1;
    next.page.fire('visible');
    const isHeld = () =>
      mine.request(`smallchange outbox ${from}`, { ifAvailable: true }, (lock) => lock === null) as Promise<boolean>;
    await until('it has the lock', isHeld);
    await until('it asks again', () => storage.asked > 0);
    next.server.posts[0]!.answer(204);
    await settled();
    assert.equal(await isHeld(), true, 'and keeps it, though it has nothing of it yet');
    storage.answerLists();
    await until('it is sent', () => next.server.posts[1]);
    first.connection.close();
    next.connection.close();
  });
});
