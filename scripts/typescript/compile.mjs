/**
 * A TypeScript file as JavaScript for the oldest Node that the project runs on, with its source map. What was compiled once is
 * kept beside the installed packages, by its content: processes that start side by side, and copies of the project, share it.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Of `engines` in package.json: it has no `using`, for example. */
const TARGET = 'node20';
const require = createRequire(import.meta.url);
const kept = join(fileURLToPath(new URL('../../node_modules', import.meta.url)), '.cache/typescript');

let compiler;

export function compile(path) {
  const text = readFileSync(path);
  const name = basename(path);
  // The name is in the source map; a source map finds its file beside the compiled one.
  const key = createHash('sha256').update(`${TARGET} ${name}\n`).update(text).digest('hex');
  const file = join(kept, `${key}.mjs`);
  try {
    return readFileSync(file);
  } catch {
    compiler ??= require('esbuild');
    const { code } = compiler.transformSync(text, {
      loader: 'ts',
      target: TARGET,
      sourcemap: 'inline',
      sourcesContent: false,
      sourcefile: name,
    });
    keep(file, code);
    return code;
  }
}

/** Whole or not at all: others read meanwhile. Where nothing can be written, it is compiled each time. */
function keep(file, code) {
  try {
    mkdirSync(kept, { recursive: true });
    const next = `${file}.${process.pid}`;
    writeFileSync(next, code);
    renameSync(next, file);
  } catch {}
}
