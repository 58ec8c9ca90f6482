/** A reason for which merges fail is news once, for as long as any shard fails for it. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Failures } from '../../src/merger/failures.ts';

const away = new Error('the store is away');
const other = new Error('not to be read');

it('all shards that fail for one reason are one piece of news', () => {
  const failures = new Failures();
  assert.deepEqual(
    [1, 2, 3].map((shard) => failures.add(shard, away)),
    [true, false, false],
  );
  assert.equal(failures.add(1, away), false, 'nor is it one when it lasts');
});

it('another reason is another piece of news, and so is one that was over', () => {
  const failures = new Failures();
  failures.add(1, away);
  failures.add(2, away);
  assert.equal(failures.add(1, other), true);
  failures.remove(1);
  assert.equal(failures.add(1, away), false, 'shard 2 still fails for it');
  failures.remove(1);
  failures.remove(2);
  failures.remove(3);
  assert.equal(failures.add(1, away), true);
});
