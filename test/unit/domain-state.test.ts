/** What a field weighs: what it costs, so that a state of very many tiny ones is not taken for a small one. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { fieldBytes } from '../../src/domain/state.ts';

it('is its name in UTF-8, its value, and some hundred bytes', () => {
  const ofNothing = fieldBytes('', null);
  assert.ok(ofNothing >= 80 && ofNothing <= 150);
  assert.equal(fieldBytes('', new Uint8Array(7)), ofNothing + 7);
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (name) => {
      assert.equal(fieldBytes(name, null), ofNothing + Buffer.byteLength(name));
    }),
  );
});

it('lets no 200,000 tiny fields into a mebibyte', () => {
  assert.ok(200_000 * fieldBytes('abcd', new Uint8Array(1)) > 16 << 20);
});
