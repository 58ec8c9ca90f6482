/**
 * The app at `/` as servers give it: one page with script and style inside, its service worker, and what is copied as it is.
 * One, because of a fleet that is being replaced nobody knows who answers the next request (ADR 24).
 */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const app = fileURLToPath(new URL('../src/web/app/', import.meta.url));

const COPIED = [
  'app.webmanifest',
  ...['icon.svg', 'icon-192.png', 'icon-512.png', 'icon-maskable-512.png'].map((name) => join('icons', name)),
];

/** Browsers since spring 2022, as the client library. */
const common = {
  bundle: true,
  minify: true,
  target: 'es2022',
  logLevel: 'warning',
  write: false,
  legalComments: 'none',
};

async function scriptOf(name) {
  const { outputFiles } = await build({
    ...common,
    entryPoints: [join(app, name)],
    format: 'iife',
    platform: 'browser',
  });
  return outputFiles[0].text.trim();
}

/** In the order in which the page has them. */
async function styleOf(names) {
  const contents = names.map((name) => `@import './${name}';`).join('\n');
  const { outputFiles } = await build({ ...common, stdin: { contents, loader: 'css', resolveDir: app } });
  return outputFiles[0].text.trim();
}

/** What is between the lines of markup is for who reads it. */
function shortened(html) {
  return html.replaceAll(/<!--.*?-->/gs, '').replaceAll(/\n\s*/g, '\n');
}

/** @param outdir A folder of its own. */
export async function bundleApp(outdir) {
  const [script, worker, style] = await Promise.all([
    scriptOf('main.ts'),
    scriptOf('worker.ts'),
    styleOf(['style.css', 'parts.css', 'panels.css']),
  ]);
  // Functions: in a text `$&` would mean something.
  const page = shortened(readFileSync(join(app, 'index.html'), 'utf8'))
    .replace('/* style.css */', () => style)
    .replace('/* main.ts */', () => script);
  mkdirSync(outdir, { recursive: true });
  writeFileSync(join(outdir, 'app.html'), page);
  writeFileSync(join(outdir, 'worker.js'), worker);
  for (const path of COPIED) cpSync(join(app, path), join(outdir, basename(path)));
}
