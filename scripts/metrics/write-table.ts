/** `npm run docs:metrics`: writes the table of metrics into docs/metrics.md, between its markers. */
import { readFileSync, writeFileSync } from 'node:fs';
import { metricsTable } from './table.ts';

const page = new URL('../../docs/metrics.md', import.meta.url);
const text = readFileSync(page, 'utf8');
const between = /(<!-- metrics -->\n)[\s\S]*?(\n<!-- \/metrics -->)/;
if (!between.test(text)) throw new Error('docs/metrics.md has no <!-- metrics --> … <!-- /metrics -->');
writeFileSync(
  page,
  text.replace(between, (_all, before: string, after: string) => `${before}\n${metricsTable()}\n${after}`),
);
