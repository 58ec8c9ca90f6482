/**
 * The client as browsers load it: `client.js`, and one part beside it that is asked for when it is needed; or all in one file, as
 * servers give it.
 */
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { joinShared } from './client-joined.mjs';

/** Browsers since spring 2022. */
const TARGET = 'es2022';

const common = {
  entryPoints: [fileURLToPath(new URL('../src/client/client.ts', import.meta.url))],
  bundle: true,
  minify: true,
  format: 'esm',
  platform: 'browser',
  target: TARGET,
  logLevel: 'warning',
};

/** @returns What was made, by esbuild. @param write Whether it is written, and not only returned. */
export async function bundleClient(outdir, write = true) {
  const options = { ...common, outdir, write: false, splitting: true, chunkNames: 'client-[hash]' };
  return joinShared((await build(options)).outputFiles, common, { outdir, write });
}

/** @param outfile Where `/client.js` is read from. */
export function bundleWhole(outfile) {
  return build({ ...common, outfile });
}
