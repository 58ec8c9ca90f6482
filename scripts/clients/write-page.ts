/** Writes into docs/clients.md the table and the recipes as the tests run them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { page, written } from '../../test/clients/doc.ts';

writeFileSync(page, written(readFileSync(page, 'utf8')));
