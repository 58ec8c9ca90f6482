/** The table of the cases (README.md beside this) names tests that are there. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';

interface Row {
  readonly number: number;
  readonly levels: string;
  readonly tests: readonly { readonly level: string; readonly file: string; readonly title: string }[];
}

/** A row: number, case, the levels that are asked for; then for each test its level, its file, and how its title begins. */
function rows(): Row[] {
  const text = readFileSync(new URL('README.md', import.meta.url), 'utf8');
  return [...text.matchAll(/^\| (\d+) \| [^|]* \| ([UPC+]+) \| (.*) \|$/gm)].map(([, number, levels, tests]) => ({
    number: Number(number),
    levels: levels!,
    tests: [...tests!.matchAll(/([UPC]) `([^`]+)` “([^”]+)”/g)].map(([, level, file, title]) => ({
      level: level!,
      file: file!,
      title: title!,
    })),
  }));
}

describe('the table of cases', () => {
  const all = rows();

  it('has each of the 62, once', () => {
    assert.deepEqual(
      all.map(({ number }) => number),
      Array.from({ length: 62 }, (_, i) => i + 1),
    );
  });

  it('has a test of each level that is asked for', () => {
    for (const { number, levels, tests } of all) {
      for (const level of levels.split('+')) {
        assert.ok(
          tests.some((test) => test.level === level),
          `${number} at ${level}`,
        );
      }
    }
  });

  it('names files that have a test with that title', () => {
    for (const { number, tests } of all) {
      for (const { file, title } of tests) {
        const path = new URL(file, import.meta.url);
        assert.ok(existsSync(path), `${number}: ${file}`);
        const titles = readFileSync(path, 'utf8').replaceAll("\\'", "'");
        assert.ok(
          ["'", '`', '"'].some((quote) => titles.includes(`${quote}${title}`)),
          `${number}: ${title} in ${file}`,
        );
      }
    }
  });
});
