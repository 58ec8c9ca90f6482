/** docs/clients.md says what the tests run: its table, its recipes, and the versions that are installed. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { it } from 'node:test';
import { page, written } from './doc.ts';
import { rows } from './rows.ts';

it('the page is as `npm run docs:clients` writes it', () => {
  const text = readFileSync(page, 'utf8');
  assert.equal(text, written(text));
});

it('every recipe is in it, and every recipe has a row', () => {
  const text = readFileSync(page, 'utf8');
  const names = readdirSync(new URL('recipes/', import.meta.url));
  assert.deepEqual([...new Set(rows.map(({ recipe }) => recipe))].sort(), names.sort());
  for (const name of names) {
    assert.ok(text.includes(`<!-- recipe ${name} -->`), `${name} is not shown`);
    assert.match(text, new RegExp(`^#+ ${name.split('.')[0]}$`, 'm'), 'the table has a link to it');
  }
});

it('the versions are those that are installed', () => {
  const lock = readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8');
  const { packages } = JSON.parse(lock) as { packages: Record<string, { version: string }> };
  for (const { name, npm } of rows) {
    const [, bare, version] = /^(\S+) (\d[\d.]*)$/.exec(name) ?? [];
    if (bare === undefined) continue;
    const installed = packages[`node_modules/${npm ?? bare}`]!.version;
    assert.ok(installed.startsWith(version!), `${name}: ${installed}`);
  }
});
