/** Writes a result where it was asked for: as data, and as a page. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Result } from '../result.ts';
import { pageOf } from './page.ts';

/** @returns What was written. */
export function writeResult(result: Result): string[] {
  const { report, json } = result.options;
  const written: string[] = [];
  const write = (path: string, text: string) => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    written.push(path);
  };
  if (json !== null) write(json, `${JSON.stringify(result, null, 1)}\n`);
  if (report !== null) write(report, pageOf(result));
  return written;
}
