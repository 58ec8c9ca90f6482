/** What is remembered of keys: how much, of whom, and who is forgotten first. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { rateOf } from '../../src/access/gcra.ts';
import { KeyHash } from '../../src/access/key-hash.ts';
import { RateTable } from '../../src/access/rate-table.ts';

const MIB = 1 << 20;

function bench() {
  const table = new RateTable();
  const hash = new KeyHash();
  const keyed = (key: string) => {
    hash.of(1, key);
    return hash;
  };
  return { table, keyed };
}

describe('the table of rates', () => {
  it('has each key by itself', () => {
    const { table, keyed } = bench();
    const rate = rateOf(2, 1_000);
    for (const key of ['a', 'b', '', 'ab', 'ba']) {
      assert.deepEqual(
        [1, 2, 3].map(() => table.take(keyed(key), rate, 10) === 0),
        [true, true, false],
        key,
      );
    }
    assert.equal(table.take(keyed('a'), rate, 600), 0);
  });

  it('tells without taking how long one waits', () => {
    const { table, keyed } = bench();
    const rate = rateOf(1, 1_000);
    assert.equal(table.wait(keyed('a'), rate, 10), 0);
    assert.equal(table.take(keyed('a'), rate, 10), 0);
    assert.ok(Math.abs(table.wait(keyed('a'), rate, 110) - 900) < 1);
    assert.ok(Math.abs(table.take(keyed('a'), rate, 110) - 900) < 1);
    assert.equal(table.wait(keyed('a'), rate, 1_011), 0);
  });

  it('keeps who is at its limit while a million others come, and has 16 MiB', () => {
    const before = process.memoryUsage().arrayBuffers;
    const { table, keyed } = bench();
    const rate = rateOf(20, 60_000);
    const full = Array.from({ length: 50 }, (_, i) => `full${i}`);
    for (const key of full) for (let i = 0; i < 20; i++) assert.equal(table.take(keyed(key), rate, 10), 0);
    for (let i = 0; i < 1_000_000; i++) assert.equal(table.take(keyed(`other${i}`), rate, 20), 0);
    for (const key of full) assert.ok(table.take(keyed(key), rate, 30) > 0, key);
    assert.ok(process.memoryUsage().arrayBuffers - before <= 16 * MIB);
  });

  it('tells kinds of keys apart, whatever the key', () => {
    const hash = new KeyHash();
    const seen = new Set<string>();
    const letters = Array.from({ length: 64 }, (_, i) => String.fromCharCode(64 + i));
    for (let kind = 0; kind < 4; kind++) {
      for (const text of ['', ...letters, ...letters.map((letter) => `${letter}1`)]) {
        hash.of(kind, text);
        seen.add(`${hash.place} ${hash.mark}`);
      }
    }
    assert.equal(seen.size, 4 * (1 + 2 * 64));
  });

  it('spreads keys that are alike', () => {
    const hash = new KeyHash();
    const rows = new Map<number, number>();
    const marks = new Set<string>();
    for (let a = 0; a < 64; a++) {
      for (let b = 0; b < 256; b++) {
        hash.of(3, `10.0.${a}.${b}`);
        rows.set(hash.place & 0xfff, (rows.get(hash.place & 0xfff) ?? 0) + 1);
        marks.add(`${hash.place} ${hash.mark}`);
      }
    }
    assert.equal(marks.size, 64 * 256);
    // 4 a row on average; far above what chance makes of it.
    assert.ok(Math.max(...rows.values()) <= 20, `${Math.max(...rows.values())} in one row`);
  });
});
