/** The contract of `pass-store.ts`, for every implementation. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { NEWS_KEPT, type PassStore } from '../../src/access/sessions/pass-store.ts';
import { GROUPS, groupOf, keyOf, newId } from '../../src/access/sessions/session-key.ts';
import { waitFor } from '../support/wait.ts';

export interface PassBench extends AsyncDisposable {
  /** Of two processes, on the same store. */
  readonly stores: readonly [PassStore, PassStore];
}

export interface PassSubject {
  readonly name: string;
  /** What others have put into the store is not in it. */
  readonly create: () => Promise<PassBench>;
}

const LONG_MS = 60_000;

export function passContract({ name, create }: PassSubject): void {
  const newName = () => randomBytes(8).toString('hex');

  describe(`pass contract: ${name}`, () => {
    it('has what was written, for all, and nothing where nothing was', async () => {
      await using bench = await create();
      const [a, b] = bench.stores;
      const [one, other] = [newName(), newName()];
      const text = JSON.stringify({ sub: 'Ä\u0000\n"', x: '' });
      assert.equal(await a.write(3, [{ name: one, after: text, ttlMs: LONG_MS }], []), true);
      assert.deepEqual(await b.read(3, [other, one]), [null, text]);
      assert.deepEqual(await b.read(4, [one]), [null]);
    });

    it('in all groups', async () => {
      await using bench = await create();
      const [a, b] = bench.stores;
      for (let group = 0; group < GROUPS; group++) {
        const name = newName();
        await a.write(group, [{ name, after: `${group}`, ttlMs: LONG_MS }], [keyOf(newId(group))]);
        assert.deepEqual(await b.read(group, [name]), [`${group}`]);
      }
    });

    it('forgets in time', async () => {
      await using bench = await create();
      const [a] = bench.stores;
      const name = newName();
      await a.write(0, [{ name, after: 'x', ttlMs: 200 }], []);
      await waitFor(async () => (await a.read(0, [name]))[0] === null, { what: 'it to be gone' });
      await a.write(0, [{ name, after: 'x', ttlMs: 0 }], []);
      assert.deepEqual(await a.read(0, [name]), [null]);
    });

    it('writes only where everything is as it has to be', async () => {
      await using bench = await create();
      const [a, b] = bench.stores;
      const [one, other] = [newName(), newName()];
      const put = (before: string | null | undefined, after: string | null) =>
        b.write(1, [{ name: one, ...(before !== undefined && { before }), after, ttlMs: LONG_MS }], []);
      assert.equal(await put('x', 'y'), false);
      assert.equal(await put(null, 'x'), true);
      assert.equal(await put(null, 'y'), false);
      assert.equal(await put('', 'y'), false);
      assert.equal(await put('x', 'y'), true);
      assert.equal(await put(undefined, 'z'), true);
      const both = [
        { name: other, before: null, after: 'new', ttlMs: LONG_MS },
        { name: one, before: 'y', after: 'w', ttlMs: LONG_MS },
      ];
      assert.equal(await a.write(1, both, [keyOf(newId(1))]), false);
      assert.deepEqual(await a.read(1, [one, other]), ['z', null]);
      assert.equal(await put('z', null), true);
      assert.deepEqual(await a.read(1, [one]), [null]);
    });

    it('lets one of many at once, no other', async () => {
      await using bench = await create();
      const name = newName();
      const tries = Array.from({ length: 20 }, (_, i) =>
        bench.stores[i % 2]!.write(2, [{ name, before: null, after: `${i}`, ttlMs: LONG_MS }], []),
      );
      assert.equal((await Promise.all(tries)).filter(Boolean).length, 1);
    });

    it('tells what was changed, to who looks', async () => {
      await using bench = await create();
      const [a, b] = bench.stores;
      const [one, other] = [keyOf(newId(5)), keyOf(newId(5))];
      await a.write(5, [], [one]);
      const { mark, keys } = await b.news(5, null);
      assert.deepEqual(keys, []);
      assert.deepEqual(await b.news(5, mark), { mark, keys: [] });
      for (const key of [one, other, one]) await a.write(5, [], [key]);
      const news = await b.news(5, mark);
      assert.deepEqual([...news.keys!].sort(), [one, other].sort());
      assert.deepEqual((await b.news(5, news.mark)).keys, []);
      // What was not written is no news.
      assert.equal(await a.write(5, [{ name: newName(), before: 'x', after: 'y', ttlMs: 1 }], [one]), false);
      assert.deepEqual((await b.news(5, news.mark)).keys, []);
    });

    it('says that it may be anything where it does not know', async () => {
      await using bench = await create();
      const [a, b] = bench.stores;
      const fresh = (await b.news(6, null)).mark;
      const key = keyOf(newId(6));
      await a.write(6, [], [key]);
      const { mark } = await b.news(6, null);
      assert.equal((await b.news(6, { ...mark, epoch: 'another' })).keys, null);
      assert.equal((await b.news(6, { ...mark, rev: mark.rev + 1 })).keys, null);
      const afterFresh = (await b.news(6, fresh)).keys;
      assert.ok(afterFresh === null || afterFresh.includes(key));
      const many = Array.from({ length: NEWS_KEPT }, () => keyOf(newId(6)));
      await a.write(6, [], many);
      assert.equal((await b.news(6, mark)).keys?.length, NEWS_KEPT);
      await a.write(6, [], [key]);
      assert.equal((await b.news(6, mark)).keys, null);
    });

    it('tells who listens, each key by itself, of every group', async () => {
      await using bench = await create();
      const [a, b] = bench.stores;
      const heard: string[] = [];
      const listening = await b.listen({ changed: (key) => void heard.push(key), missed: () => undefined });
      const keys = Array.from({ length: GROUPS }, (_, group) => keyOf(newId(group)));
      for (const key of keys) await a.write(groupOf(key), [], [key]);
      await waitFor(() => heard.length === keys.length, { what: () => `all news, ${heard.length} of them` });
      assert.deepEqual(heard.sort(), keys.sort());
      listening.close();
      await a.write(0, [], [keys[0]!]);
      await a.read(0, [keys[0]!]);
      assert.equal(heard.length, keys.length);
    });
  });
}
