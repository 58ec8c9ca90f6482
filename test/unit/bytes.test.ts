/** What bytes cost that are kept for long. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { copyOf, leanBytes } from '../../src/domain/bytes.ts';

it('of one byte, whichever it is, all have the same array', () => {
  for (let value = 0; value < 256; value++) {
    const one = leanBytes(Buffer.of(value));
    assert.deepEqual([...one], [value]);
    assert.equal(leanBytes(Uint8Array.of(value)), one);
    assert.equal(copyOf(Buffer.from([7, value, 7]).subarray(1, 2)), one);
  }
});

it('of none and of several each has its own, and a copy keeps nothing alive but itself', () => {
  const chunk = Buffer.from('a chunk that much arrived in');
  for (const part of [chunk.subarray(0, 0), chunk.subarray(2, 7)]) {
    const copy = copyOf(part);
    assert.deepEqual([...copy], [...part]);
    assert.equal(copy.buffer.byteLength, part.length);
    assert.equal(leanBytes(part), part);
  }
});
