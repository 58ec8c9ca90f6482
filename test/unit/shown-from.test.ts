/** The tag: what stands in the place of a publisher's nonce wherever others look. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { shownOf } from '../../loadtest/ledger/shown-from.ts';
import { isFrom } from '../../src/domain/change.ts';
import { shownFrom } from '../../src/domain/shown-from.ts';

const part = fc.stringMatching(/^[A-Za-z0-9_-]{1,40}$/);
const from = fc.tuple(part, part).map(([name, nonce]) => `${name}.${nonce}`);

describe('what others are shown of a from', () => {
  it('is the name, ~, and 8 characters of the hash of the whole', () => {
    // printf alice.k3f9 | openssl dgst -sha256 -binary | basenc --base64url | cut -c 1-8
    assert.equal(shownFrom('alice.k3f9'), 'alice~b9H9a9Ul');
    assert.equal(shownFrom(''), '');
  });

  it('is always the same, of the alphabet, and no from itself', () => {
    fc.assert(
      fc.property(from, (whole) => {
        const shown = shownFrom(whole);
        assert.match(shown, /^[A-Za-z0-9_-]{1,40}~[A-Za-z0-9_-]{8}$/);
        assert.equal(shown, shownOf(whole));
        assert.equal(shownFrom(whole), shown, 'also where it is remembered');
        assert.ok(!isFrom(shown));
      }),
    );
  });

  it('tells nonces of one name apart, and the same nonce of two names', () => {
    const shown = new Set(Array.from({ length: 10_000 }, (_, i) => shownFrom(`ann.${i}`)));
    assert.equal(shown.size, 10_000);
    assert.notEqual(shownFrom('a.1').slice(1), shownFrom('b.1').slice(1));
  });
});
