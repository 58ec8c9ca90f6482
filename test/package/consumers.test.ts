/**
 * Projects that use the packed library as their users would: each has only what is in the tarball. Types for Node and for bundlers,
 * programs that bundlers make, and a page without one, of another origin than the server.
 */
import assert from 'node:assert/strict';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { newChannel } from '../contract/protocol/kit.ts';
import { type Chromium, startChromium } from '../support/chromium.ts';
import { edges, startEdge } from '../support/edge.ts';
import { type ServerProcess, startServer } from '../support/process.ts';
import { waitFor } from '../support/wait.ts';
import { type Packed, pack, run, tool } from './packed.ts';
import { servePages } from './pages.ts';

describe('who uses the library', () => {
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

  const tsc = (project: string) => run(process.execPath, [tool('typescript/bin/tsc'), '-p', '.'], project);

  async function isHeard(name: string, at = server.url): Promise<void> {
    const { port } = pages.address() as AddressInfo;
    const channel = newChannel();
    const asked = new URLSearchParams({ server: at, channel });
    await browser.open(`http://localhost:${port}/${name}/?${asked}`);
    let title = '';
    await waitFor(
      async () => {
        title = await browser.evaluate<string>('document.title');
        return title.includes(channel);
      },
      { what: () => `${name} to hear; its title is ${title}` },
    );
    assert.equal(title, `heard x on ${channel}`);
  }

  it('TypeScript for Node (node16) compiles, and the program runs and ends', () => {
    const project = packed.install('node16', ['@types/node', 'undici-types']);
    tsc(project);
    assert.equal(run(process.execPath, ['out/main.js', server.url, newChannel()], project), 'x true closed\n');
  });

  it('TypeScript for bundlers compiles, without any type of Node', () => {
    assert.equal(tsc(packed.install('bundler')), '');
  });

  it('the unit test of an app runs with the fake server', () => {
    const project = packed.install('testing', ['@types/node', 'undici-types']);
    tsc(project);
    const said = run(process.execPath, ['--test', '--test-reporter=tap', 'out/votes.test.js'], project);
    assert.match(said, /^# pass 1$/m);
  });

  it('Vite makes a page of it', async () => {
    const project = packed.install('vite');
    run(process.execPath, [tool('vite/bin/vite.js'), 'build', '--base', './', '--logLevel', 'warn'], project);
    folders.set('vite', join(project, 'dist'));
    await isHeard('vite');
  });

  it('esbuild makes a page of it', async () => {
    const project = packed.install('esbuild');
    const words = ['main.ts', '--bundle', '--minify', '--format=esm', '--splitting', '--outdir=out'];
    run(tool('.bin/esbuild'), [...words, '--log-level=warning'], project);
    folders.set('esbuild', project);
    await isHeard('esbuild');
  });

  it('a page without a bundler imports it from the server itself, and from either edge', async () => {
    folders.set('plain', packed.install('plain'));
    await isHeard('plain');
    for (const edge of edges) {
      await using proxy = await startEdge(edge, { buckets: [server], gateways: [server] });
      await isHeard('plain', proxy.plainUrl);
    }
  });
});
