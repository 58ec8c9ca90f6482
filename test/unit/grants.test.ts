/** Grants open what they say, to the letter (access to channels by name). */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { type Grants, isEntry, parseGrants } from '../../src/access/grants.ts';
import { createRandom } from '../support/random.ts';

function publishing(...entries: string[]): Grants['publish'] {
  const grants = parseGrants({ publish: entries });
  assert.ok(typeof grants === 'object', String(grants));
  return grants.publish;
}

for (const [entry, opens, not] of [
  ['room.42', ['room.42'], ['room.4', 'room.421', 'room', 'ROOM.42', 'room.42.1']],
  ['user.1.*', ['user.1.a', 'user.1.a.b', 'user.1..'], ['user.1', 'user.1.', 'user.10', 'user.10.a', 'User.1.a']],
  ['*', ['a', 'user.1', 'Z'.repeat(64)], []],
  ['a..*', ['a..b'], ['a.b', 'a..']],
  ['constructor', ['constructor'], ['toString', '__proto__']],
] as const) {
  it(`${entry} opens ${opens}`, () => {
    const list = publishing(entry);
    for (const channel of opens) assert.ok(list.has(channel), channel);
    for (const channel of not) assert.ok(!list.has(channel), channel);
    assert.ok(!publishing().has(opens[0]));
  });
}

it('lists unite, whatever their order', () => {
  for (const entries of [
    ['a.*', 'b'],
    ['b', 'a.*'],
    ['b', 'a.*', 'b'],
  ]) {
    const list = publishing(...entries);
    assert.deepEqual(
      ['a.1', 'b', 'a', 'c'].map((channel) => list.has(channel)),
      [true, true, false, false],
    );
  }
});

it('history is what subscribe is, until it is there', () => {
  const both = parseGrants({ subscribe: ['a'] }) as Grants;
  assert.ok(both.history.has('a'));
  const none = parseGrants({ subscribe: ['a'], history: [] }) as Grants;
  assert.ok(none.subscribe.has('a') && !none.history.has('a'));
});

it('of 100,000 random pairs each is what the rule says', () => {
  const { next } = createRandom(7);
  const letters = 'ab._-1';
  const text = () =>
    Array.from({ length: 1 + Math.floor(next() * 5) }, () => letters[Math.floor(next() * letters.length)]).join('');
  let opened = 0;
  for (let i = 0; i < 100_000; i++) {
    const entry = next() < 0.5 ? text() : `${text()}.*`;
    const channel = `${next() < 0.5 ? entry.replace('*', '') : ''}${text()}`;
    if (!isEntry(entry)) continue;
    const rule = entry.endsWith('.*')
      ? new RegExp(`^${entry.slice(0, -1).replaceAll('.', '\\.')}.+$`)
      : new RegExp(`^${entry.replaceAll('.', '\\.')}$`);
    const opens = publishing(entry).has(channel);
    assert.equal(opens, rule.test(channel), `${entry} and ${channel}`);
    if (opens) opened++;
  }
  assert.ok(opened > 1_000);
});
