/**
 * How long an fsync takes here, in the directory of a Redis whose `appendfsync always` waits for one: without this figure
 * a rate with it means nothing.
 */
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { quantile } from '../measures/quantile.ts';

const WRITES = 300;
/** About what a turn of the bucket appends. */
const BYTES = 500;

export interface FsyncTime {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export function measureFsync(dir: string): FsyncTime {
  const path = join(dir, 'fsync-probe');
  const file = openSync(path, 'a');
  const tookMs: number[] = [];
  for (let i = 0; i < WRITES; i++) {
    writeSync(file, Buffer.alloc(BYTES));
    const startedMs = performance.now();
    // What Redis calls on Linux.
    fdatasyncSync(file);
    tookMs.push(performance.now() - startedMs);
  }
  closeSync(file);
  rmSync(path);
  return { p50Ms: quantile(tookMs, 0.5), p99Ms: quantile(tookMs, 0.99) };
}

export function fsyncSentence({ p50Ms, p99Ms }: FsyncTime): string {
  return `An fdatasync in Redis' directory took ${p50Ms.toFixed(2)} ms (p50), ${p99Ms.toFixed(2)} ms (p99) over ${WRITES} appends.`;
}
