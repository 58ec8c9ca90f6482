/**
 * Builds dist/: compiles src, and copies beside it what is not TypeScript (`.lua`). The client is there as modules
 * for Node and bundlers, as types for its users, as one file for browsers with what few need beside it, and as what a server gives to pages.
 * The app at `/` is bundled.
 *
 * `--if-stale`: only when something in src, or what decides the compilation, is newer than the last build that succeeded.
 */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const src = join(root, 'src');
const dist = join(root, 'dist');
/** Written last: a build that was cut off leaves none, and so is stale. */
const stamp = join(dist, '.built');

function filesUnder(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).map((entry) => ({
    path: join(entry.parentPath ?? entry.path, entry.name),
    isFile: entry.isFile(),
  }));
}

function isStale() {
  if (!existsSync(stamp)) return true;
  const builtMs = statSync(stamp).mtimeMs;
  const deciding = [
    'package.json',
    'tsconfig.json',
    'tsconfig.build.json',
    'tsconfig.client.json',
    'scripts/build.mjs',
    'scripts/app-bundle.mjs',
    'scripts/client-bundle.mjs',
    'scripts/client-joined.mjs',
    'scripts/client-names.mjs',
  ].map((name) => join(root, name));
  // Folders too: theirs is the only date that tells of a file that went.
  const sources = filesUnder(src).map(({ path }) => path);
  return [...deciding, src, ...sources].some((path) => existsSync(path) && statSync(path).mtimeMs > builtMs);
}

function run(args) {
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
  return spawnSync(process.execPath, [tsc, ...args], { stdio: 'inherit' }).status ?? 1;
}

/** Types name their neighbours as they are called in dist/. */
function writeTypes(next) {
  const status = run(['-p', join(root, 'tsconfig.client.json'), '--outDir', next]);
  for (const { path } of filesUnder(next)) {
    if (path.endsWith('.d.ts'))
      writeFileSync(path, readFileSync(path, 'utf8').replaceAll(/(from '\.[^']*)\.ts'/g, "$1.js'"));
  }
  return status;
}

/** Made beside dist/ and put in its place when it is whole: a server that starts meanwhile never sees half of it. */
async function build() {
  const next = mkdtempSync(join(root, '.dist-'));
  try {
    const status = run(['-p', join(root, 'tsconfig.build.json'), '--outDir', next]) || writeTypes(next);
    if (status !== 0) return status;
    // Only here: an installation that has nothing to build has neither compiler nor bundler.
    const { bundleClient, bundleWhole } = await import('./client-bundle.mjs');
    const { bundleApp } = await import('./app-bundle.mjs');
    await bundleClient(join(next, 'client/browser'));
    await bundleWhole(join(next, 'web/client.js'));
    await bundleApp(join(next, 'web/app'));
    for (const { path, isFile } of filesUnder(src)) {
      if (!isFile || path.endsWith('.ts') || path.startsWith(join(src, 'web'))) continue;
      const copy = join(next, path.slice(src.length));
      mkdirSync(dirname(copy), { recursive: true });
      cpSync(path, copy);
    }
    writeFileSync(join(next, '.built'), '');
    rmSync(dist, { recursive: true, force: true });
    renameSync(next, dist);
    return 0;
  } finally {
    rmSync(next, { recursive: true, force: true });
  }
}

// An installation without sources has nothing to be stale against.
const isNeeded = !process.argv.includes('--if-stale') || (existsSync(src) && isStale());
if (isNeeded) process.exitCode = await build();
