/** What `test/security/README.md` says is shown by a test is so far true that the test is there; and no row is forgotten. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { projectRoot } from '../support/program.ts';

const text = readFileSync(join(projectRoot, 'test/security/README.md'), 'utf8');
const cells = text
  .split('\n')
  .filter((line) => /^\| [A-Z]\d/.test(line))
  .map((line) => line.slice(1, -1).split('|'))
  .map((parts) => parts.map((part) => part.trim()));

/** `A1`, `O1–O12` or `A7, T42`. */
function rowsIn(cell: string): string[] {
  return cell.split(', ').flatMap((part) => {
    const [, letter, first, last = first] = /^([A-Z])(\d+)(?:–[A-Z](\d+))?$/.exec(part) ?? [];
    assert.ok(letter !== undefined, part);
    return Array.from({ length: Number(last) - Number(first) + 1 }, (_, i) => `${letter}${Number(first) + i}`);
  });
}

const bare = (cell: string) => /^`(.*)`$/.exec(cell)?.[1] ?? assert.fail(cell);

/** By a POST in one segment, in two, by a stream, by a poll, and through both edges. */
const WAYS = [...'12SPe'];

/** What a table of three columns says of each row of its first. */
function saidOf(heading: string): Map<string, string> {
  const section = text.slice(text.indexOf(`## ${heading}`)).split('\n## ')[0]!;
  const said = new Map<string, string>();
  for (const line of section.split('\n').filter((each) => /^\| [A-Z]\d/.test(each))) {
    const [rows, ways] = line.slice(1, -1).split('|');
    for (const row of rowsIn(rows!.trim())) said.set(row, (said.get(row) ?? '') + ways!.trim());
  }
  return said;
}

describe('rows of security', () => {
  it('are each shown by a test that is there', () => {
    const shown = cells.filter(({ length }) => length === 5);
    assert.ok(shown.length > 100);
    for (const [row, , file, title, ways] of shown) {
      const path = join(projectRoot, bare(file!));
      assert.ok(existsSync(path), `${row}: ${file}`);
      assert.ok(readFileSync(path, 'utf8').includes(bare(title!)), `${row}: ${file} has no ${title}`);
      assert.match(ways!, /^(-|[12SPEe]+)$/, row);
    }
  });

  it('are tried by each way, or it is said why not', () => {
    const without = saidOf('Ways without a meaning');
    const tried = new Map<string, string>();
    for (const [rows, , , , ways] of cells.filter(({ length }) => length === 5)) {
      for (const row of rowsIn(rows!)) tried.set(row, (tried.get(row) ?? '') + ways);
    }
    const lacking = [...tried].flatMap(([row, ways]) =>
      WAYS.filter((way) => !ways.includes(way) && !without.get(row)?.includes(way)).map((way) => `${row} by ${way}`),
    );
    assert.deepEqual(lacking, []);
  });

  it('are all there, or it is said why not', () => {
    const known = new Set(cells.flatMap(([row]) => rowsIn(row!)));
    const counts = { A: 27, T: 46, D: 18, O: 23, S: 20, L: 18 };
    for (const [letter, count] of Object.entries(counts)) {
      for (let i = 1; i <= count; i++) assert.ok(known.has(`${letter}${i}`), `${letter}${i}`);
    }
    assert.equal(
      known.size,
      Object.values(counts).reduce((sum, count) => sum + count),
    );
  });
});
