/** Who is said to be away: a store that does not answer, and not this process when it did not look. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Away, Engine } from '../../src/engine/engine.ts';
import { EngineForbidden, EngineUnavailable } from '../../src/errors.ts';
import { createMetrics } from '../../src/metrics.ts';
import { watchEngine } from '../../src/watch-engine.ts';
import { waitFor } from '../support/wait.ts';

const NOBODY: Away = new Map();

function watch(ping: () => Promise<Away>) {
  const said: number[][] = [];
  const engine = { shards: 3, ping } as unknown as Engine;
  const metrics = createMetrics();
  const watching = watchEngine({ engine, metrics, onChange: (away) => void said.push([...away]) });
  const isUp = async () => (await metrics.redisUp.get()).values[0]!.value === 1;
  return { said, watching, isUp, [Symbol.dispose]: () => watching.close() };
}

describe('the watch of the engine', () => {
  it('does not take its own standstill for an absence of the store', async () => {
    let asked = 0;
    using watched = watch(async () => {
      asked++;
      return NOBODY;
    });
    await waitFor(() => asked === 2, { what: 'the store to be asked' });
    const until = performance.now() + 4_000;
    while (performance.now() < until);
    await waitFor(() => asked === 4, { what: 'the store to be asked again' });
    await turn();
    assert.deepEqual(watched.said, []);
  });

  it('says when the store is away for long, when it is back, and whether it is its operator who refuses', async () => {
    let ping = (): Promise<Away> => Promise.reject(new EngineUnavailable('away'));
    using watched = watch(() => ping());
    await waitFor(() => watched.said.length === 1, { timeoutMs: 30_000, what: 'it to be missed' });
    assert.deepEqual([watched.said, watched.watching.isAllowed()], [[[0, 1, 2]], true]);
    ping = () => Promise.reject(new EngineForbidden('refused'));
    await waitFor(() => !watched.watching.isAllowed(), { what: 'it to be refused' });
    ping = () => Promise.resolve(NOBODY);
    await waitFor(() => watched.watching.isAllowed(), { what: 'it to be allowed again' });
    assert.deepEqual(watched.said, [[0, 1, 2], []]);
  });

  it('says which shards are away, and counts the time of each by itself', { timeout: 60_000 }, async () => {
    const reason = new EngineUnavailable('away');
    let away: Away = new Map([[1, reason]]);
    using watched = watch(async () => away);
    await waitFor(() => watched.said.length === 1, { timeoutMs: 30_000, what: 'one to be missed' });
    assert.equal(await watched.isUp(), false, 'for operators all is up or it is not');
    away = new Map([1, 2].map((shard) => [shard, reason]));
    await waitFor(() => watched.said.length === 2, { timeoutMs: 30_000, what: 'another to be missed' });
    away = new Map([[2, new EngineForbidden('refused')]]);
    await waitFor(() => watched.said.length === 3, { what: 'the first to be back' });
    assert.equal(watched.watching.isAllowed(), true, 'work for the others is still wanted');
    away = NOBODY;
    await waitFor(() => watched.said.length === 4, { what: 'the second to be back' });
    assert.deepEqual(watched.said, [[1], [1, 2], [2], []]);
    assert.equal(await watched.isUp(), true);
  });
});
