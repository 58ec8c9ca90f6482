/** Waiting for the merge (`gateway/hub/merged.ts`): one look for all who wait, and none that began before somebody asked counts for him. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Progress } from '../../src/engine/engine.ts';
import { EngineUnavailable, type Problem } from '../../src/errors.ts';
import { Merged } from '../../src/gateway/hub/merged.ts';
import { waitFor } from '../support/wait.ts';

/** Looks are answered by hand, the oldest first. */
function open() {
  const looks: { readonly shard: number; answer(progress: Progress): void; fail(error: Error): void }[] = [];
  const time = { elapsedMs: 0 };
  const merged = new Merged({
    engine: {
      readProgress: (shard) =>
        new Promise((resolve, reject) => void looks.push({ shard, answer: resolve, fail: reject })),
    },
    clock: { wallMs: () => 0, elapsedMs: () => time.elapsedMs },
  });
  const done: string[] = [];
  const ask = (name: string, shard = 0) =>
    void merged.upToNow(shard).then(
      () => done.push(name),
      (error: Problem) => done.push(`${name} ${error.code ?? error.name}`),
    );
  const look = () => waitFor(() => looks.shift(), { what: 'a look' });
  const isTold = (...names: string[]) =>
    waitFor(() => names.every((name) => done.includes(name)), { what: () => `${names}, not only ${done}` });
  return { looks, time, ask, look, done, isTold };
}

describe('waiting for the merge', () => {
  it('ends at once where nothing waits, with one look for all who asked together', async () => {
    const { looks, ask, look, isTold } = open();
    for (const name of 'abc') ask(name);
    const one = await look();
    // Those who came while it was under way are told by the next.
    one.answer({ merged: 7, accepted: 7 });
    await isTold('a');
    (await look()).answer({ merged: 7, accepted: 7 });
    await isTold('a', 'b', 'c');
    assert.equal(looks.length, 0);
  });

  it('goes on until what was accepted then is merged, whatever is accepted afterwards', async () => {
    const { ask, look, done, isTold } = open();
    ask('a');
    (await look()).answer({ merged: 3, accepted: 5 });
    (await look()).answer({ merged: 4, accepted: 9 });
    const last = await look();
    assert.deepEqual(done, []);
    last.answer({ merged: 5, accepted: 12 });
    await isTold('a');
  });

  it('takes no look for its own that began before', async () => {
    const { ask, look, done, isTold } = open();
    ask('early');
    const before = await look();
    ask('late');
    before.answer({ merged: 5, accepted: 5 });
    await isTold('early');
    assert.deepEqual(done, ['early']);
    (await look()).answer({ merged: 5, accepted: 6 });
    (await look()).answer({ merged: 6, accepted: 6 });
    await isTold('late');
  });

  it('begins anew where the store has come back with less', async () => {
    const { ask, look, isTold } = open();
    ask('a');
    (await look()).answer({ merged: 90, accepted: 100 });
    (await look()).answer({ merged: 10, accepted: 12 });
    (await look()).answer({ merged: 12, accepted: 15 });
    await isTold('a');
  });

  it('ends after five seconds, and where the store is away', async () => {
    const { time, ask, look, isTold } = open();
    ask('a');
    (await look()).answer({ merged: 1, accepted: 2 });
    const last = await look();
    time.elapsedMs = 5_000;
    last.answer({ merged: 1, accepted: 2 });
    await isTold('a not_merged');
    ask('b');
    (await look()).fail(new EngineUnavailable('away'));
    await isTold('b EngineUnavailable');
  });

  it('is of each shard alone', async () => {
    const { ask, look, done, isTold } = open();
    ask('a', 1);
    ask('b', 2);
    const [one, two] = [await look(), await look()];
    assert.deepEqual([one.shard, two.shard], [1, 2]);
    two.answer({ merged: 1, accepted: 1 });
    await isTold('b');
    assert.deepEqual(done, ['b']);
    one.answer({ merged: 1, accepted: 1 });
    await isTold('a');
  });

  it('is refused where too many wait already', async () => {
    const { ask, look, done, isTold } = open();
    for (let i = 0; i < 5_000; i++) ask(`${i}`);
    ask('more');
    await isTold('more overloaded');
    (await look()).answer({ merged: 0, accepted: 0 });
    (await look()).answer({ merged: 0, accepted: 0 });
    await waitFor(() => done.length === 5_001, { what: 'all to be told' });
  });
});
