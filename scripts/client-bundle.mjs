/**
 * The client as browsers load it: `client.js`, and one part beside it that is asked for when it is needed; or all in one file, as
 * servers give it.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { minify } from 'terser';
import { joinShared } from './client-joined.mjs';
import { INNER_NAMES } from './client-names.mjs';

/** Browsers since spring 2022. */
const TARGET = 'es2022';

const common = {
  entryPoints: [fileURLToPath(new URL('../src/client/client.ts', import.meta.url))],
  bundle: true,
  minify: true,
  mangleProps: new RegExp(`^(?:${INNER_NAMES.join('|')})$`),
  format: 'esm',
  platform: 'browser',
  target: TARGET,
  logLevel: 'warning',
  write: false,
};

/** Some 4 % less, gzipped, than esbuild makes of it alone. */
async function shortened(path, text) {
  const compress = { passes: 3, hoist_funs: true, unsafe_arrows: true, pure_getters: true, sequences: false };
  const { code } = await minify(text, { module: true, ecma: 2020, compress });
  return { path, text: code, contents: Buffer.from(code) };
}

function write({ path, contents }) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, contents);
}

/** @returns What was made, as esbuild returns it. @param isWritten Whether it is written, and not only returned. */
export async function bundleClient(outdir, isWritten = true) {
  const { outputFiles: parts } = await build({ ...common, outdir, splitting: true, chunkNames: 'client-[hash]' });
  const files = await joinShared(parts, common);
  const outputFiles = await Promise.all(files.map(([name, text]) => shortened(join(outdir, name), text)));
  if (isWritten) outputFiles.forEach(write);
  return { outputFiles };
}

/** @param outfile Where `/client.js` is read from. */
export async function bundleWhole(outfile) {
  const { outputFiles } = await build({ ...common, outfile });
  write(await shortened(outfile, outputFiles[0].text));
}
