/** Writes a result where it was asked for: as data, and as a page. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Result } from '../run/result.ts';
import { pageOf } from './page.ts';

/** @returns What was written. */
export function writeResult(result: Result): string[] {
  const { report, json } = result.options;
  const written: string[] = [];
  if (json !== null) written.push(writeText(json, `${JSON.stringify(result, null, 1)}\n`));
  if (report !== null) written.push(writeText(report, pageOf(result)));
  return written;
}

/** Folders that are missing are made. @returns The path. */
export function writeText(path: string, text: string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}
