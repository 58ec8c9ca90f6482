/** Which reducer makes a channel: patterns mean what the regular expression means, in time linear in the name. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { createReducerFor } from '../../src/merger/reducers/patterns.ts';

function matches(pattern: string, channel: string): boolean {
  return createReducerFor([{ pattern, reducer: 'latest' }])(channel).name === 'latest';
}

/** The meaning, as a regular expression says it. */
function expected(pattern: string, channel: string): boolean {
  const source = pattern
    .split('*')
    .map((part) => part.replaceAll('.', '\\.'))
    .join('.*');
  return new RegExp(`^${source}$`).test(channel);
}

it('match as the regular expression does', () => {
  const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*'), minLength: 1, maxLength: 8 });
  const channel = fc.string({ unit: fc.constantFrom('a', 'b', '.'), minLength: 1, maxLength: 10 });
  fc.assert(
    fc.property(pattern, channel, (pattern, channel) => {
      assert.equal(matches(pattern, channel), expected(pattern, channel), `${pattern} on ${channel}`);
    }),
    { numRuns: 20_000 },
  );
});

it('do not let the parts at both ends overlap', () => {
  for (const [pattern, channel] of [
    ['ab*ba', 'aba'],
    ['ab*ba', 'abba'],
    ['*a*a*', 'a'],
    ['*', 'x'],
    ['**', 'x'],
    ['a*b*c', 'abc'],
    ['a*b*c', 'acb'],
    ['room', 'room'],
    ['room', 'rooms'],
    ['a.b', 'axb'],
  ] as const) {
    assert.equal(matches(pattern, channel), expected(pattern, channel), `${pattern} on ${channel}`);
  }
});

it('take no longer for a name that nearly matches in very many ways', () => {
  const channel = `a${'.'.repeat(63)}`;
  // Not more at once: what tries every way would never come to its end, and be no failure of a test.
  for (let stars = 1; stars <= 32; stars++) {
    const startedMs = performance.now();
    for (let i = 0; i < 20; i++) assert.equal(matches(`${'*.'.repeat(stars)}pos`, channel), false);
    const tookMs = performance.now() - startedMs;
    assert.ok(tookMs < 1_000, `${tookMs} ms for ${stars} stars`);
  }
  assert.equal(matches(`${'*.'.repeat(31)}x`, channel), false);
  assert.equal(matches(`*${'.*'.repeat(31)}`, channel), true);
});

it('are tried in order, and a channel that none matches has the log', () => {
  const reducerFor = createReducerFor([
    { pattern: 'map.*', reducer: 'latest' },
    { pattern: '*.votes', reducer: 'tally' },
  ]);
  assert.deepEqual(
    ['map.votes', 'x.votes', 'x'].map((channel) => reducerFor(channel).name),
    ['latest', 'tally', 'log'],
  );
});
