/**
 * The program as one file, with all packages in it: a process of it starts in half the time, which counts where hundreds are
 * started. It is made once for each state of the sources, and kept beside the installed packages, where nobody changes it: a
 * process that is restarted in the middle of a long run comes back as what it was.
 *
 * `process.ts` starts it; what `npm run build` makes is started where that is in question.
 */
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const projectRoot = join(dirname(fileURLToPath(import.meta.url)), '../..');

const src = join(projectRoot, 'src');
const kept = join(projectRoot, 'node_modules/.cache/program');

/** Have a part that is compiled for the machine, and look for it beside themselves. */
const APART = ['msgpackr', 'libsql'];
/** What runs in a thread of its own is a file of its own. */
const ENTRIES = ['main', 'engine/durable/thread'];
/** What packages that were written for `require` find in a file of their own. */
const COMMONJS = `
  import { createRequire as $createRequire } from 'node:module';
  const require = $createRequire(import.meta.url), __filename = import.meta.filename, __dirname = import.meta.dirname;`;

/** What makes what browsers load. */
const BUNDLERS = ['client-bundle', 'client-joined', 'client-names', 'app-bundle'].map((name) =>
  join(projectRoot, `scripts/${name}.mjs`),
);

let made: Promise<string> | undefined;

/** @returns The file to run. Rejects when nothing comes out. */
export function theProgram(): Promise<string> {
  made ??= make();
  return made;
}

async function make(): Promise<string> {
  const paths = readdirSync(src, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
  const folder = join(kept, stateOf([...paths, ...BUNDLERS, join(projectRoot, 'package-lock.json')]));
  const main = join(folder, 'dist/main.js');
  if (existsSync(main)) return main;
  mkdirSync(kept, { recursive: true });
  const next = mkdtempSync(join(kept, 'next-'));
  try {
    for (const entry of ENTRIES) await bundle(join(src, `${entry}.ts`), join(next, `dist/${entry}.js`));
    // A module that reads what lies beside it finds it where it was.
    for (const path of paths) {
      if (path.endsWith('.ts') || path.startsWith(join(src, 'web'))) continue;
      cpSync(path, join(next, 'dist', relative(src, path)));
    }
    cpSync(join(projectRoot, 'package.json'), join(next, 'package.json'));
    const { bundleWhole } = await import('../../scripts/client-bundle.mjs');
    const { bundleApp } = await import('../../scripts/app-bundle.mjs');
    await bundleWhole(join(next, 'dist/web/client.js'));
    await bundleApp(join(next, 'dist/web/app'));
    renameSync(next, folder);
  } catch (error) {
    // Another process has been faster.
    if (!existsSync(main)) throw error;
  } finally {
    rmSync(next, { recursive: true, force: true });
  }
  return main;
}

function stateOf(paths: readonly string[]): string {
  const hash = createHash('sha256').update(readFileSync(fileURLToPath(import.meta.url)));
  for (const path of paths) hash.update(`\n${relative(projectRoot, path)}\n`).update(readFileSync(path));
  return hash.digest('hex').slice(0, 32);
}

async function bundle(entry: string, outfile: string): Promise<void> {
  const { build } = await import('esbuild');
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    external: APART,
    banner: { js: COMMONJS },
    logLevel: 'silent',
    plugins: [
      {
        name: 'beside',
        setup({ onLoad }) {
          onLoad({ filter: /\.ts$/ }, ({ path }) => {
            const compiled = relative(dirname(entry), path).replace(/ts$/, 'js');
            const here = `new URL(${JSON.stringify(compiled)}, import.meta.url).href`;
            return { contents: readFileSync(path, 'utf8').replaceAll('import.meta.url', here), loader: 'ts' };
          });
        },
      },
    ],
  });
}
