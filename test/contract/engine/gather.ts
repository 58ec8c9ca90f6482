/** Contract of the roll call: every member's last figure, for as long as it said. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Open } from './kit.ts';

export function gatherTests(open: Open): void {
  const sorted = (figures: readonly number[]) => [...figures].sort((a, b) => a - b);

  it('tells the last figure of each member, one’s own among them', async () => {
    await using bench = await open();
    const { engine } = bench;
    assert.deepEqual(await engine.gather('a', 3, 60_000), [3]);
    assert.deepEqual(sorted(await engine.gather('b', 7, 60_000)), [3, 7]);
    assert.deepEqual(sorted(await engine.gather('a', 0, 60_000)), [0, 7]);
  });

  it('forgets who takes its figure back, and who is not heard of for as long as it said', async () => {
    await using bench = await open();
    const { engine } = bench;
    await engine.gather('a', 1, 50);
    await engine.gather('b', 2, 60_000);
    await engine.gather('c', 3, 60_000);
    await bench.until('a to be forgotten', async () => (await engine.gather('b', 2, 60_000)).length === 2);
    assert.deepEqual(sorted(await engine.gather('b', 2, 60_000)), [2, 3]);
    assert.deepEqual(await engine.gather('b', 2, 0), [3]);
  });
}
