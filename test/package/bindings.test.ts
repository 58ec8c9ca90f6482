/**
 * The bindings in a small app each, made of the packed package and the framework, in a Chromium: what is shown is what was sent, there is
 * one stream for all components, and none when they are gone.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { newChannel } from '../contract/protocol/kit.ts';
import { type Chromium, type Page, startChromium } from '../support/chromium.ts';
import { request } from '../support/http.ts';
import { type ServerProcess, startServer } from '../support/process.ts';
import { projectRoot } from '../support/program.ts';
import { waitFor } from '../support/wait.ts';
import { type Packed, pack, run, tool } from './packed.ts';
import { servePages } from './pages.ts';

interface Shown {
  readonly state: string | null;
  readonly words: string | null;
  readonly count: string | null;
}

const look = `Object.fromEntries(['state', 'words', 'count'].map((id) =>
  [id, document.getElementById(id)?.textContent ?? null]))`;

/** Each with what it is made of beside the package. */
const apps: Readonly<Record<string, readonly string[]>> = {
  react: ['react', 'react-dom', '@types/react', '@types/react-dom', 'csstype'],
  vue: ['vue'],
  svelte: ['svelte'],
};

/** Components of Svelte are compiled, as its plugins for bundlers do it. */
async function compileSvelte(project: string): Promise<void> {
  const { compile } = await import('svelte/compiler');
  for (const name of readdirSync(project).filter((each) => each.endsWith('.svelte'))) {
    const path = join(project, name);
    const { js } = compile(readFileSync(path, 'utf8'), { filename: name, generate: 'client' });
    writeFileSync(path, js.code);
  }
}

describe('bindings', () => {
  let packed: Packed;
  let server: ServerProcess;
  let browser: Chromium;
  let pages: Server;
  const folders = new Map<string, string>();
  before(async () => {
    packed = await pack();
    server = await startServer();
    pages = await servePages(folders);
    browser = await startChromium({});
  });
  after(async () => {
    await browser?.[Symbol.asyncDispose]();
    pages?.close();
    pages?.closeAllConnections();
    await server?.stop();
    packed?.[Symbol.dispose]();
  });

  async function make(name: string): Promise<string> {
    const project = packed.install(name, apps[name]);
    if (name === 'svelte') await compileSvelte(project);
    else run(process.execPath, [tool('typescript/bin/tsc'), '-p', '.'], project);
    const words = [name === 'react' ? 'main.tsx' : 'main.ts', '--bundle', '--format=esm', '--outdir=out'];
    const kinds = ['--jsx=automatic', '--loader:.svelte=js', '--conditions=svelte,browser', '--log-level=warning'];
    run(tool('.bin/esbuild'), [...words, ...kinds], project);
    return project;
  }

  async function until(page: Page, what: string, isSo: (shown: Shown) => boolean): Promise<Shown> {
    let shown: Shown | undefined;
    return waitFor(
      async () => {
        shown = await page.evaluate<Shown>(look);
        return isSo(shown) ? shown : undefined;
      },
      { what: () => `${what}: ${JSON.stringify(shown)}` },
    );
  }

  async function untilStreams(count: number): Promise<void> {
    const streams = async () => (await request(server.url, '/load')).json<{ streams: number }>().streams;
    await waitFor(async () => (await streams()) === count, { what: `${count} streams` });
  }

  it('the example of docs/client.md is rendered on a server, as it begins, and keeps no process', () => {
    const guide = readFileSync(join(projectRoot, 'docs/client.md'), 'utf8');
    const example = /```jsx\n([\s\S]*?)```/.exec(guide)![1]!;
    const project = packed.install('react', apps.react);
    const render = "import { renderToString } from 'react-dom/server';\nconsole.log(renderToString(<Votes />));\n";
    writeFileSync(join(project, 'page.jsx'), example + render);
    const words = ['page.jsx', '--bundle', '--platform=node', '--format=cjs', '--jsx=automatic', '--outfile=page.cjs'];
    run(tool('.bin/esbuild'), [...words, '--log-level=warning'], project);
    assert.match(run(process.execPath, ['page.cjs'], project), /^<p>connecting.*<\/p>\n$/);
  });

  for (const name of Object.keys(apps)) {
    it(`${name}: shows what comes, once, over one stream, until nobody looks`, async () => {
      folders.set(name, await make(name));
      const { port } = pages.address() as AddressInfo;
      await browser.open(`http://localhost:${port}/${name}/?${new URLSearchParams({ server: server.url })}`);
      const show = (channel: string) => browser.evaluate(`show(${JSON.stringify(channel)}), undefined`);
      const send = async (channel: string, ...words: string[]) => {
        for (const body of words) await request(server.url, `/c/${channel}`, { method: 'POST', body });
      };
      const [first, second] = [newChannel(), newChannel()];
      await until(browser, 'the app', ({ state, words }) => state !== null && words === null);
      await show(first);
      await until(browser, 'open', ({ state }) => state === 'open');
      await untilStreams(1);
      await send(first, 'one', 'two', 'three', 'four');
      const shown = await until(browser, 'four', ({ count }) => Number(count) >= 4);
      assert.deepEqual(shown, { state: 'open', words: 'two three four', count: '4' });
      await show(second);
      await until(browser, 'another channel', ({ words, count }) => words === '' && count === '0');
      await untilStreams(1);
      await until(browser, 'open again', ({ state }) => state === 'open');
      await send(first, 'of the first');
      await send(second, 'five');
      const { words, count } = await until(browser, 'one', (seen) => Number(seen.count) >= 1);
      assert.deepEqual([words, count], ['five', '1']);
      await show('');
      await untilStreams(0);
      await show(second);
      await untilStreams(1);
      assert.equal((await until(browser, 'begun anew', (seen) => seen.count !== null)).count, '0');
      await browser.open('about:blank');
      await untilStreams(0);
    });
  }
});
