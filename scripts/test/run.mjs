/**
 * `npm test`: every test file in a process of its own, a few at a time, and all unit tests together in one. With paths as
 * arguments, those files. What is printed is `../test-reporter.mjs`'s; the exit code is 1 when something failed.
 *
 * `TEST_TIMES=1 npm test` tells in the end which files took longest, for `files.mjs`.
 */
import { relative } from 'node:path';
import { run } from 'node:test';
import report from '../test-reporter.mjs';
import { waves, wavesOf } from './files.mjs';

/** Of one file, twice what the longest takes on a slow machine: whatever hangs is told by its name, and the others still run. */
const FILE_MAX_MS = 20 * 60_000;

async function* eventsOf(all) {
  for (const wave of all) yield* run({ ...wave, timeout: FILE_MAX_MS });
}

/** By file: how long its outermost tests took, ms. */
const spentMs = new Map();
const TOLD = 40;

async function* noticed(events) {
  for await (const event of events) {
    const { todo, nesting, file, details } = event.data;
    if (event.type === 'test:fail' && (todo === undefined || todo === false)) process.exitCode = 1;
    if (nesting === 0 && details?.duration_ms > 0) spentMs.set(file, (spentMs.get(file) ?? 0) + details.duration_ms);
    yield event;
  }
}

const named = process.argv.slice(2);
const all = named.length > 0 ? wavesOf(named) : waves();
for await (const text of report(noticed(eventsOf(all)))) process.stdout.write(text);
if (process.env.TEST_TIMES) {
  const longest = [...spentMs].sort((a, b) => b[1] - a[1]).slice(0, TOLD);
  for (const [file, ms] of longest) console.log(`${Math.round(ms / 1000)} s ${relative('', file ?? '')}`);
}
