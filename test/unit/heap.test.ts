/** How much garbage a process may hold: our rule, unless whoever starts it has one. What it saves is measured by `test/storms`. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { keepHeapSmall } from '../../src/heap.ts';

function setBy(args: readonly string[]): string[] {
  const set: string[] = [];
  keepHeapSmall(args, (flag) => void set.push(flag));
  return set;
}

describe('the heap', () => {
  it('grows by our rule, which this Node knows', () => {
    assert.deepEqual(setBy(['--max-semi-space-size=16']), ['--heap-growing-percent=30']);
    assert.match(execFileSync(process.execPath, ['--v8-options'], { encoding: 'utf8' }), /--heap-growing-percent /);
  });

  it('grows by the rule of whoever started Node with one', () => {
    for (const flag of ['--heap-growing-percent=70', '--heap_growing_percent=70']) assert.deepEqual(setBy([flag]), []);
  });
});
