/** What was verified is known again by every byte of it, for as long as that is good, and never by more than there is room for. */
import assert from 'node:assert/strict';
import { afterEach, it, mock } from 'node:test';
import { everybody } from '../../src/access/principal.ts';
import { TokenCache } from '../../src/access/token-cache.ts';

afterEach(() => mock.timers.reset());

function start() {
  mock.timers.enable({ apis: ['setInterval'] });
  let nowMs = 0;
  const cache = new TokenCache({ wallMs: () => 0, elapsedMs: () => nowMs });
  const find = (token: string, wallMs = 0) => {
    const bytes = Buffer.from(`xx${token}yy`);
    return cache.find(bytes, 2, bytes.length - 2, wallMs);
  };
  const pass = (ms: number) => {
    nowMs += ms;
    mock.timers.tick(ms);
  };
  return { cache, find, pass };
}

const named = (n: number) => `head.payload-${n}.${String(n).padStart(30, '0')}`;
const principal = { ...everybody, identity: { sub: 'alice', expiresMs: 1_000_000 } };

it('a token is found by all of its bytes', () => {
  const { cache, find } = start();
  cache.keep(named(1), principal, 1_000);
  assert.equal(find(named(1)), principal);
  for (const other of [
    named(2),
    named(1).replace('head', 'heae'),
    `x${named(1)}`,
    named(1).slice(1),
    named(1).slice(0, -1),
    '',
    'x'.repeat(22),
  ]) {
    assert.equal(find(other), undefined, other);
  }
  cache.close();
});

it('another with the same end takes its place, and not its principal', () => {
  const { cache, find } = start();
  const other = { ...principal };
  cache.keep(named(1), principal, 1_000);
  cache.keep(named(1).replace('head', 'heae'), other, 1_000);
  assert.equal(find(named(1)), undefined);
  assert.equal(find(named(1).replace('head', 'heae')), other);
  assert.equal(cache.size, 1);
  cache.close();
});

it('it is not found from its exp on, nor half a minute after it was good', () => {
  const { cache, find, pass } = start();
  cache.keep(named(1), principal, 240_000);
  assert.equal(find(named(1), 999_999), principal);
  assert.equal(find(named(1), 1_000_000), undefined);
  pass(239_000);
  assert.equal(find(named(1)), principal);
  pass(31_000);
  assert.equal(find(named(1)), undefined);
  assert.equal(cache.size, 0);
  cache.keep(named(1), principal, 0);
  assert.equal(cache.size, 0, 'what is good for no time is not kept');
  cache.close();
});

it('there is room for so many, and for so many bytes; the oldest go', () => {
  const { cache, find } = start();
  for (let i = 0; i < 10_010; i++) cache.keep(named(i), principal, 1_000);
  assert.ok(cache.size <= 10_000 && cache.size > 9_000);
  assert.equal(find(named(0)), undefined);
  assert.equal(find(named(10_009)), principal);
  cache.clear();
  assert.equal(find(named(10_009)), undefined);
  for (let i = 0; i < 2_000; i++) cache.keep(`${'x'.repeat(4_000)}${named(i)}`, principal, 1_000);
  assert.ok(cache.size < 1_000, `${cache.size} of 4 KiB`);
  cache.close();
});
