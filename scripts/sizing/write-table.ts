/** `npm run docs:sizing`: writes the first table of docs/sizing.md, between its markers. */
import { readFileSync, writeFileSync } from 'node:fs';
import { sizingTable } from './table.ts';

const page = new URL('../../docs/sizing.md', import.meta.url);
const text = readFileSync(page, 'utf8');
const between = /(<!-- sizing -->\n)[\s\S]*?(\n<!-- \/sizing -->)/;
if (!between.test(text)) throw new Error('docs/sizing.md has no <!-- sizing --> … <!-- /sizing -->');
writeFileSync(
  page,
  text.replace(between, (_all, before: string, after: string) => `${before}\n${sizingTable()}\n${after}`),
);
