/** Contract of leases: one merger a shard at a time, as long as it keeps coming back. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Peek } from '../../../src/engine/engine.ts';
import { type Bench, LONG_MS, type Open, TOKEN } from './kit.ts';

export function leaseTests(open: Open): void {
  const peek = (bench: Bench, token: string, ms: number = LONG_MS, shard = 0): Promise<Peek> =>
    bench.engine.peek(shard, { token, ms }, { maxEntries: 1, maxBytes: 1 });

  async function heldFor(bench: Bench, token: string): Promise<number> {
    const answer = await peek(bench, token);
    return answer.kind === 'held' ? answer.remainingMs : assert.fail(`${token} should not get the lease`);
  }

  it('is held against every other token, with the time it has left at most', async () => {
    await using bench = await open();
    assert.equal((await peek(bench, 'a', 60_000)).kind, 'entries');
    const remainingMs = await heldFor(bench, 'b');
    assert.ok(remainingMs > 0 && remainingMs <= 60_000, `${remainingMs} ms`);
  });

  it('is extended by its holder', async () => {
    await using bench = await open();
    await peek(bench, 'a', 10_000);
    assert.ok((await heldFor(bench, 'b')) <= 10_000);
    assert.equal((await peek(bench, 'a', 60_000)).kind, 'entries');
    assert.ok((await heldFor(bench, 'b')) > 10_000);
  });

  it('is not extended by who asks in vain', async () => {
    await using bench = await open();
    await peek(bench, 'a', 100);
    await bench.until('the lease to expire', async () => (await peek(bench, 'b')).kind === 'entries');
    await heldFor(bench, 'a');
  });

  it('goes to another token once it is over, and the first cannot commit any more', async () => {
    await using bench = await open();
    const channel = bench.channel();
    await bench.append(channel, 'x');
    const commit = await bench.draft(0, [{ channel, events: ['x'] }], { token: 'a', entries: 1 });
    await bench.engine.release(0, TOKEN);
    await peek(bench, 'a', 100);
    await bench.until('the lease to expire', async () => (await peek(bench, 'b')).kind === 'entries');
    assert.deepEqual(await bench.engine.commit(0, commit), { kind: 'refused', reason: 'lease' });
    assert.deepEqual(await bench.engine.commit(0, { ...commit, token: 'b' }), {
      kind: 'committed',
      rev: 1,
      events: 1,
      waiting: 0,
    });
  });

  it('that nobody has taken is still its holder’s, however long that was away', async () => {
    await using bench = await open();
    const channel = bench.channel();
    const commit = await bench.draft(0, [{ channel, events: ['x'] }], { token: 'a' });
    await bench.engine.release(0, TOKEN);
    await peek(bench, 'a', 50);
    await bench.pass(100);
    assert.equal((await bench.engine.sweep(0, 'a', 1)).kind, 'swept');
    assert.equal((await bench.engine.commit(0, commit)).kind, 'committed');
  });

  it('is free at once when its holder gives it back', async () => {
    await using bench = await open();
    await peek(bench, 'a');
    await bench.engine.release(0, 'a');
    assert.equal((await peek(bench, 'b')).kind, 'entries');
  });

  it('that is free, or over, is left by who does not take it', async () => {
    await using bench = await open();
    const look = (token: string) =>
      bench.engine.peek(0, { token, ms: LONG_MS, takes: false }, { maxEntries: 1, maxBytes: 1 });
    assert.deepEqual(await look('b'), { kind: 'free' });
    await peek(bench, 'a', 100);
    assert.equal((await look('b')).kind, 'held');
    await bench.until('the lease to be over', async () => (await look('b')).kind === 'free');
    assert.equal((await bench.engine.sweep(0, 'a', 1)).kind, 'swept', 'nobody has taken it');
    assert.equal((await look('a')).kind, 'entries', 'nor need its holder take what it has');
    await bench.until('the lease to be extended', async () => (await look('b')).kind === 'held');
    await bench.engine.release(0, 'a');
    assert.deepEqual(await look('b'), { kind: 'free' });
    assert.equal((await peek(bench, 'b')).kind, 'entries');
  });

  it('is told of when it is given back, and only then', async () => {
    await using bench = await open();
    const freed: number[] = [];
    const also: number[] = [];
    const other = await bench.engine.watch(
      () => {},
      (shard) => void also.push(shard),
    );
    await bench.engine.watch(
      () => {},
      (shard) => void freed.push(shard),
    );
    await peek(bench, 'a', LONG_MS, 0);
    await peek(bench, 'a', LONG_MS, 1);
    await bench.engine.release(0, 'b');
    await bench.engine.release(1, 'a');
    await bench.until('the news', () => freed.length > 0 && also.length > 0);
    other.close();
    await bench.engine.release(0, 'a');
    await bench.until('the other news', () => freed.length > 1);
    assert.deepEqual([freed, also], [[1, 0], [1]]);
  });

  it('is not given back by any other token', async () => {
    await using bench = await open();
    await bench.engine.release(0, 'b');
    await peek(bench, 'a');
    await bench.engine.release(0, 'b');
    await heldFor(bench, 'b');
    assert.equal((await peek(bench, 'a')).kind, 'entries');
  });

  it('is of one shard', async () => {
    await using bench = await open();
    await peek(bench, 'a', LONG_MS, 0);
    assert.equal((await peek(bench, 'b', LONG_MS, 1)).kind, 'entries');
    await bench.engine.release(1, 'a');
    await heldFor(bench, 'b');
  });
}
