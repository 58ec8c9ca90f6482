/** Who is said to be away: a store that does not answer, and not this process when it did not look. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Engine } from '../../src/engine/engine.ts';
import { EngineForbidden, EngineUnavailable } from '../../src/errors.ts';
import { createMetrics } from '../../src/metrics.ts';
import { watchEngine } from '../../src/watch-engine.ts';
import { waitFor } from '../support/wait.ts';

function watch(ping: () => Promise<void>) {
  const said: string[] = [];
  const engine = { ping } as unknown as Engine;
  const watching = watchEngine({
    engine,
    metrics: createMetrics(),
    onChange: (condition) => void said.push(condition),
  });
  return { said, watching, [Symbol.dispose]: () => watching.close() };
}

describe('the watch of the engine', () => {
  it('does not take its own standstill for an absence of the store', async () => {
    let asked = 0;
    using watched = watch(async () => void asked++);
    await waitFor(() => asked === 2, { what: 'the store to be asked' });
    const until = performance.now() + 4_000;
    while (performance.now() < until);
    await waitFor(() => asked === 4, { what: 'the store to be asked again' });
    await turn();
    assert.deepEqual(watched.said, []);
  });

  it('says when the store is away for long, when it is back, and whether it is its operator who refuses', async () => {
    let ping = (): Promise<void> => Promise.reject(new EngineUnavailable('away'));
    using watched = watch(() => ping());
    await waitFor(() => watched.said.length === 1, { timeoutMs: 30_000, what: 'it to be missed' });
    assert.deepEqual([watched.said, watched.watching.isAllowed()], [['degraded'], true]);
    ping = () => Promise.reject(new EngineForbidden('refused'));
    await waitFor(() => !watched.watching.isAllowed(), { what: 'it to be refused' });
    ping = () => Promise.resolve();
    await waitFor(() => watched.watching.isAllowed(), { what: 'it to be allowed again' });
    assert.deepEqual(watched.said, ['degraded', 'recovered']);
  });
});
