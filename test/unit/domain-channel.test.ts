/** Channel names and the shard they live on. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isChannel, shardOf } from '../../src/domain/channel.ts';

describe('a channel name', () => {
  it('is 1 to 64 plain characters, the first alphanumeric', () => {
    for (const name of [
      'a',
      'Z',
      '0',
      'a.b',
      'a_b-c',
      '1.',
      'a..b',
      'constructor',
      '__proto__'.slice(2),
      'x'.repeat(64),
    ]) {
      assert.ok(isChannel(name), name);
    }
  });

  it('is nothing that anything downstream would have to quote', () => {
    const naughty = [
      '',
      '.',
      '..',
      '.a',
      '-a',
      '_a',
      '__proto__',
      'x'.repeat(65),
      'a b',
      ' a',
      'a ',
      'a\n',
      '\na',
      'a\0',
      'a\r\nb',
    ];
    naughty.push(
      'a/b',
      '../a',
      'a,b',
      'a:b',
      'a{b}',
      '{a}',
      'a*',
      'a?',
      'a[1]',
      'a%20',
      'a+b',
      "a'",
      'a"',
      'a\\',
      '$(a)',
      '<a>',
    );
    // Letters that only look like ours (full-width, Cyrillic, Kelvin), combining ones, and ones that show nothing.
    naughty.push('é', '\uff41', '\u0430', '\u212a', 'a\u0301', '\u0661', 'a\u200b', '\ufeffa', '😀', 'a\u2028', 'ı');
    for (const name of naughty) assert.ok(!isChannel(name), JSON.stringify(name));
  });

  it('is accepted exactly when every character is', () => {
    const charset = 'ABCXYZabcxyz0189._-';
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 64, unit: fc.constantFrom(...charset) }), (name) => {
        assert.equal(isChannel(name), !'._-'.includes(name[0]!));
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 70 }), (text) => {
        if (isChannel(text)) assert.match(text, /^[\w.-]{1,64}$/);
      }),
    );
  });
});

describe('a shard', () => {
  it('stays the same for ever', () => {
    // Were any of these to change, an upgrade would look for its channels in the wrong place.
    const pinned = ['room', 'a', 'b', 'x'.repeat(64), 'poll-2026.final_1'].map((name) => [
      shardOf(name, 16),
      shardOf(name, 7),
    ]);
    assert.deepEqual(pinned, [
      [1, 2],
      [3, 0],
      [2, 5],
      [3, 2],
      [12, 4],
    ]);
  });

  it('is within bounds, and of even size, also for names that differ in one character', () => {
    for (const shards of [1, 3, 16, 1024]) {
      fc.assert(
        fc.property(fc.string({ minLength: 1, maxLength: 64 }), (name) => {
          const shard = shardOf(name, shards);
          assert.ok(Number.isInteger(shard) && shard >= 0 && shard < shards);
        }),
      );
    }
    for (const nameOf of [(i: number) => `room${i}`, (i: number) => `${i}`, (i: number) => `user-${i}.inbox`]) {
      const sizes = new Array<number>(16).fill(0);
      for (let i = 0; i < 16_000; i++) sizes[shardOf(nameOf(i), 16)]!++;
      for (const size of sizes) assert.ok(size > 800 && size < 1200, sizes.join(' '));
    }
  });
});
