/** Writes the table of settings into README.md, between its markers. Run with tsx: it reads the schema itself. */
import { readFileSync, writeFileSync } from 'node:fs';
import { settingsTable } from '../src/config.ts';

const readme = new URL('../README.md', import.meta.url);
const text = readFileSync(readme, 'utf8');
const between = /(<!-- settings -->\n)[\s\S]*?(\n<!-- \/settings -->)/;
if (!between.test(text)) throw new Error('README.md has no <!-- settings --> … <!-- /settings -->');
writeFileSync(
  readme,
  text.replace(between, (_all, before, after) => `${before}\n${settingsTable()}\n${after}`),
);
