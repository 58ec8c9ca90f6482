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

it('its end is found where CR LF is behind it, whatever was found before', () => {
  const { cache } = start();
  const [short, long] = [named(1), named(12_345)];
  for (const token of [short, long]) cache.keep(token, principal, 1_000);
  const endOf = (text: string) => cache.endAt(Buffer.from(`xx${text}`), 2);
  for (const token of [short, long, short, short, long]) assert.equal(endOf(`${token}\r\nHost: x`), 2 + token.length);
  for (const other of [
    ...['', '\r\n', short, `${short}\r`, `${short}\n`, `${short}\n\r`, `${short}xx`, `${short}, ${short}\r\n`],
    ...[`${short} \r\n`, `x${short}\r\n`, `${short.slice(1)}\r\n`, `${short.replace('head', 'heae')}\r\n`],
  ]) {
    assert.equal(endOf(other), -1, JSON.stringify(other));
  }
  cache.close();
});

it('what was found by its end is found once more for nothing, while it is kept, and until exp', () => {
  const { cache } = start();
  const bytes = Buffer.from(`${named(1)}\r\n`);
  const other = { ...principal };
  const keep = (who = principal) => {
    cache.keep(named(1), who, 1_000);
    return cache.endAt(bytes, 0);
  };
  const end = keep();
  assert.equal(cache.find(bytes, 0, end, 999_999), principal);
  keep();
  assert.equal(cache.find(bytes, 0, end, 1_000_000), undefined);
  keep();
  assert.equal(cache.find(bytes, 1, end, 0), undefined, 'of other bytes');
  keep();
  assert.equal(cache.find(Buffer.from(bytes).fill('x'), 0, end, 0), undefined, 'in another place');
  keep();
  cache.clear();
  assert.equal(cache.find(bytes, 0, end, 0), undefined, 'of a key that was withdrawn');
  keep();
  cache.keep(named(1), other, 1_000);
  assert.equal(cache.find(bytes, 0, end, 0), other);
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
