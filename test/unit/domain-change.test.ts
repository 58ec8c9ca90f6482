/** What a publisher says of itself: `from` and `seq`. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isFrom, nameOf, parseSeq } from '../../src/domain/change.ts';

describe('from', () => {
  it('is a name, one dot, and a nonce', () => {
    for (const from of ['alice.k3f9', 'a.b', '-._', `${'a'.repeat(40)}.${'b'.repeat(40)}`, 'A_1-.0'])
      assert.ok(isFrom(from), from);
    const wrong = ['', '.', 'a', 'a.', '.b', 'a.b.c', 'a..b', 'a b.c', `${'a'.repeat(41)}.b`, `a.${'b'.repeat(41)}`];
    wrong.push('a.b\n', 'a.b, a.b', 'é.b', 'a.b\0', 'a:b', 'a/b.c', '{a}.b');
    for (const from of wrong) assert.ok(!isFrom(from), JSON.stringify(from));
  });

  it('has a lasting half', () => {
    assert.equal(nameOf('alice.k3f9'), 'alice');
    assert.equal(nameOf(''), '-');
  });
});

describe('seq', () => {
  it('is a whole number from 1 below 2⁵³, in plain digits', () => {
    assert.equal(parseSeq('1'), 1);
    assert.equal(parseSeq('9007199254740991'), Number.MAX_SAFE_INTEGER);
    const wrong = [
      '',
      '0',
      '01',
      '-1',
      '+1',
      '1.0',
      '1e3',
      '0x1',
      ' 1',
      '1 ',
      '1\n',
      '1, 1',
      '1_0',
      '١',
      'NaN',
      'Infinity',
    ];
    wrong.push('9007199254740992', '9999999999999999', '1'.repeat(17), '1'.repeat(1000));
    for (const text of wrong) assert.equal(parseSeq(text), undefined, JSON.stringify(text));
  });

  it('comes back as it went, and never otherwise', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), (seq) => {
        assert.equal(parseSeq(String(seq)), seq);
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const seq = parseSeq(text);
        if (seq !== undefined) assert.equal(String(seq), text);
      }),
    );
  });
});
