/** One page of Chromium with all the packages in it, each of which listens when it is told to. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { startChromium } from '../support/chromium.ts';
import { type Row, rows } from './rows.ts';
import type { Shown } from './seen.ts';

export interface Page extends AsyncDisposable {
  /** @param show Told some time after it was shown. @returns Ends it. */
  readonly listen: (row: Row, url: string, show: (shown: Shown) => void) => Promise<() => Promise<void>>;
}

const here = fileURLToPath(new URL('.', import.meta.url));

/** Between two looks at what the page has. */
const LOOK_MS = 150;

/** What a page imports for its rows, by the name of each. */
function entry(): string {
  const inPage = rows.filter(({ where }) => where.includes('page'));
  const imports = inPage.map(({ npm, recipe }, i) => {
    const own = npm === undefined ? '' : `import * as package${i} from ${JSON.stringify(npm)};\n`;
    return `${own}import * as recipe${i} from ${JSON.stringify(`recipe:${recipe}`)};`;
  });
  const listeners = inPage.map(({ name, npm, exported, recipe }, i) => {
    const source = npm === undefined ? 'EventSource' : `package${i}.${exported}`;
    const isShared = recipe === 'event-source.mjs';
    return `${JSON.stringify(name)}: (url, show) => recipe${i}.listen(${isShared ? `${source}, ` : ''}url, show),`;
  });
  return `${imports.join('\n')}
    const listeners = { ${listeners.join('\n')} };
    const shown = {};
    const stops = {};
    globalThis.begin = (name, key, url) => {
      shown[key] = [];
      stops[key] = listeners[name](url, (type, data) => shown[key].push([type, data]));
    };
    globalThis.end = (key) => { stops[key]?.(); delete shown[key]; };
    globalThis.take = () => Object.entries(shown).map(([key, all]) => [key, all.splice(0)]).filter(([, all]) => all.length);`;
}

/** A recipe finds in a package what the bundlers of apps find, and not what Node does: so it has no ending that says it is a module. */
const asInAnApp: Plugin = {
  name: 'recipes',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^recipe:/ }, ({ path }) => ({
      path: path.slice('recipe:'.length, -'.mjs'.length),
      namespace: 'recipe',
    }));
    onLoad({ filter: /.*/, namespace: 'recipe' }, ({ path }) => ({
      contents: readFileSync(new URL(`recipes/${path}.mjs`, import.meta.url)),
      resolveDir: here,
    }));
  },
};

async function bundled(): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: entry(), resolveDir: here, loader: 'js' },
    bundle: true,
    write: false,
    format: 'iife',
    platform: 'browser',
    logLevel: 'silent',
    plugins: [asInAnApp],
  });
  return outputFiles[0]!.text;
}

export async function startPage(): Promise<Page> {
  const script = await bundled();
  const server = createServer((request, response) => {
    const isScript = request.url === '/script.js';
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
    response.end(isScript ? script : '<!doctype html><script src="/script.js"></script>');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const browser = await startChromium({});
  await browser.open(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const listeners = new Map<string, (shown: Shown) => void>();
  let keys = 0;
  let isOver = false;

  async function look(): Promise<void> {
    while (!isOver) {
      for (const [key, all] of await browser.evaluate<[string, Shown[]][]>('take()')) {
        for (const shown of all) listeners.get(key)?.(shown);
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }
  const looking = look();

  return {
    async listen({ name }, url, show) {
      const key = `${keys++}`;
      listeners.set(key, show);
      await browser.evaluate(`begin(${[name, key, url].map((word) => JSON.stringify(word)).join()})`);
      return async () => {
        listeners.delete(key);
        await browser.evaluate(`end(${JSON.stringify(key)})`);
      };
    },
    async [Symbol.asyncDispose]() {
      isOver = true;
      await looking;
      await browser[Symbol.asyncDispose]();
      server.closeAllConnections();
      server.close();
    },
  };
}
