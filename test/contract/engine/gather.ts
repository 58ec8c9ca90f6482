/** Contract of the roll call: every member's last figure, for as long as it said. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Open } from './kit.ts';

export function gatherTests(open: Open): void {
  const sorted = (figures: readonly number[]) => [...figures].sort((a, b) => a - b);

  it('tells the last figure of each member, one’s own among them', async () => {
    await using bench = await open();
    const { engine } = bench;
    assert.deepEqual(await engine.gather('gateways', 'a', 3, 60_000), [3]);
    assert.deepEqual(sorted(await engine.gather('gateways', 'b', 7, 60_000)), [3, 7]);
    assert.deepEqual(sorted(await engine.gather('gateways', 'a', 0, 60_000)), [0, 7]);
  });

  it('forgets who takes its figure back, and who is not heard of for as long as it said', async () => {
    await using bench = await open();
    const { engine } = bench;
    await engine.gather('gateways', 'a', 1, 50);
    await engine.gather('gateways', 'b', 2, 60_000);
    await engine.gather('gateways', 'c', 3, 60_000);
    await bench.until('a to be forgotten', async () => (await engine.gather('gateways', 'b', 2, 60_000)).length === 2);
    assert.deepEqual(sorted(await engine.gather('gateways', 'b', 2, 60_000)), [2, 3]);
    assert.deepEqual(await engine.gather('gateways', 'b', 2, 0), [3]);
  });

  it('keeps one roll apart from the other', async () => {
    await using bench = await open();
    const { engine } = bench;
    const large = 2 ** 52 + 1;
    await engine.gather('gateways', 'a', 3, 60_000);
    assert.deepEqual(await engine.gather('mergers', 'a', large, 60_000), [large]);
    assert.deepEqual(await engine.gather('mergers', 'a', 0, 0), []);
    assert.deepEqual(await engine.gather('gateways', 'b', 4, 0), [3]);
  });
}
