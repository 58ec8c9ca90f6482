/** How much garbage a process may hold. What it saves is measured by `test/storms`. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { growingPercent, keepHeapSmall } from '../../src/heap.ts';
import { waitFor } from '../support/wait.ts';

const MB = 1 << 20;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const percentOf = (flag: string) => Number(/^--heap-growing-percent=(\d+)$/.exec(flag)?.[1]);

describe('the heap', () => {
  it('may grow by 48 MB, or by 20 percent where that is more; a small one is left to V8', () => {
    const percents = [10, 48, 96, 1_000].map((mb) => growingPercent(mb * MB));
    assert.deepEqual(percents, [0, 100, 50, 20]);
  });

  it('is told so after a collection by which that is another, by a flag that this Node has', async () => {
    const set: string[] = [];
    keepHeapSmall([], (flag) => void set.push(flag));
    let held: unknown[] = [];
    for (const [count, mb] of [60, 120].entries()) {
      held = Array.from({ length: mb }, () => new Array(MB / 8).fill(count));
      collect();
      await waitFor(() => set.length > count, { what: `flag ${count}` });
    }
    assert.equal(held.length, 120);
    assert.ok(percentOf(set.at(-1)!) < percentOf(set[0]!), `the larger heap may grow by less: ${set}`);
    assert.match(execFileSync(process.execPath, ['--v8-options'], { encoding: 'utf8' }), /--heap-growing-percent /);
  });

  it('is left alone where Node was started with a rule', async () => {
    const set: string[] = [];
    const heard: string[] = [];
    for (const flag of ['--heap-growing-percent=70', '--heap_growing_percent=70']) {
      keepHeapSmall([flag], (other) => void set.push(other));
    }
    keepHeapSmall([], (flag) => void heard.push(flag));
    const held = Array.from({ length: 60 }, () => new Array(MB / 8).fill(0));
    collect();
    await waitFor(() => heard.length >= 1, { what: 'another to be told' });
    assert.equal(held.length, 60);
    assert.deepEqual(set, []);
  });
});
