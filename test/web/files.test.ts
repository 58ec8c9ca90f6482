/** What the app is made of: its files and how they are served, its size, what it may do, that it can be installed, and that it can be used by everybody. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { runInNewContext } from 'node:vm';
import { gunzipSync } from 'node:zlib';
import { APP_PATHS } from '../../src/web/app/paths.ts';
import { newChannel } from '../contract/protocol/kit.ts';
import type { Chromium, Page } from '../support/chromium.ts';
import { request } from '../support/http.ts';
import { type ServerProcess, startServer } from '../support/process.ts';
import { opened, press, send, setScheme, setSize, start, until, workerOf } from './kit.ts';

const WORKER = '/app-worker.js';
/** All that a first visit loads, what its worker keeps included. It may become less; 60,000 were given. */
const SIZE_MAX = 40_000;
const EVENTS = 250;
const EVENTS_PER_S = 50;
/** Of the time, for script, style and layout: what is left of the 17 ms of a frame is for painting. By the clock, on a machine that is busy too. */
const BUSY_MAX = 0.4;
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

describe('the files of the app', () => {
  let server: ServerProcess;
  before(async () => {
    server = await startServer();
  });
  after(() => server?.stop());
  const ask = (path: string, options = {}) => request(server.url, path, options);

  it(`are at most ${SIZE_MAX} bytes together, as they are sent`, async () => {
    const sizes = await Promise.all(
      [...APP_PATHS, WORKER].map(async (path) => {
        const { status, body } = await ask(path, { headers: { 'accept-encoding': 'gzip' } });
        assert.equal(status, 200, path);
        return [path, body.length] as const;
      }),
    );
    const sum = sizes.reduce((bytes, [, size]) => bytes + size, 0);
    assert.ok(sum <= SIZE_MAX, `${sum}: ${sizes.join(' ')}`);
  });

  it('are there for HEAD, and a 304 for who has them', async () => {
    for (const path of [...APP_PATHS, WORKER]) {
      const { headers, body } = await ask(path);
      const head = await ask(path, { method: 'HEAD' });
      assert.deepEqual([head.status, head.body.length], [200, 0], path);
      for (const name of ['content-type', 'etag', 'content-length', 'content-security-policy'])
        assert.equal(head.headers[name], headers[name], `${path} ${name}`);
      assert.equal(headers['x-content-type-options'], 'nosniff', path);
      const zipped = await ask(path, { headers: { 'accept-encoding': 'gzip' } });
      assert.deepEqual(gunzipSync(zipped.body), body, path);
      const again = await ask(path, { headers: { 'if-none-match': headers.etag! } });
      assert.deepEqual([again.status, again.body.length], [304, 0], path);
    }
  });

  it('may run their own script and nothing else', async () => {
    const { headers, body } = await ask('/');
    const policy = String(headers['content-security-policy']);
    assert.doesNotMatch(policy, /unsafe|\*|data:|https?:/);
    for (const rule of ["default-src 'none'", "connect-src 'self'", "require-trusted-types-for 'script'"])
      assert.ok(policy.includes(rule), rule);
    assert.doesNotMatch(body.toString().replace(/<(script|style)>.*?<\/\1>/gs, ''), /\son[a-z]+=|\sstyle=|javascript:/);
    const addresses = [...body.toString().matchAll(/<(?:link|img|script)[^>]*?(?:href|src)="([^"]*)"/g)].map(
      ([, address]) => address!,
    );
    for (const address of addresses) assert.ok(APP_PATHS.includes(address), address);
  });

  it('of which the worker answers for those that it keeps, and touches nothing else', async () => {
    const { body } = await ask(WORKER);
    const listeners = new Map<string, (event: object) => void>();
    const site = 'https://rt.example';
    runInNewContext(body.toString(), {
      URL,
      location: new URL(`${site}${WORKER}`),
      addEventListener: (type: string, listener: (event: object) => void) => void listeners.set(type, listener),
      fetch: () => new Promise(() => {}),
      setTimeout: () => 0,
    });
    const isAnswered = (url: string, method = 'GET') => {
      let answered = false;
      const respondWith = () => {
        answered = true;
      };
      listeners.get('fetch')!({ request: { url, method }, respondWith, waitUntil() {} });
      return answered;
    };
    for (const path of APP_PATHS) assert.equal(isAnswered(`${site}${path}`), true, path);
    for (const path of [
      ...['/c/demo', '/c/demo/events', '/c/demo/events?format=json', '/c/demo/history', '/c/demo/state', '/c/icon.svg'],
      ...['/session', '/tickets', '/admin/top', '/dashboard', '/metrics', '/healthz', '/openapi.json', '/client.js'],
      ...[WORKER, '//', '/c/..%2Ficon.svg'],
    ]) {
      assert.equal(isAnswered(`${site}${path}`), false, path);
    }
    for (const path of APP_PATHS) {
      assert.equal(isAnswered(`${site}${path}`, 'POST'), false, `POST ${path}`);
      assert.equal(isAnswered(`https://other.example${path}`), false, `${path} of another site`);
    }
  });
});

describe('the app in a browser', () => {
  let server: ServerProcess;
  let browser: Chromium;
  before(async () => {
    [server, browser] = await Promise.all([startServer(), start()]);
  });
  after(async () => {
    await browser?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  async function findings(page: Page): Promise<string[]> {
    // A test's own script, which the page itself would not let in.
    await page.command('Page.setBypassCSP', { enabled: true });
    await page.command('Page.reload');
    await until(page, 'to be connected', ({ state }) => state === 'Connected');
    await page.evaluate(`${axe}; undefined`);
    const { violations } = await page.evaluate<{ violations: Violation[] }>(
      `axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })`,
    );
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
    );
  }

  for (const scheme of ['light', 'dark'] as const) {
    for (const [width, height] of [
      [390, 844],
      [1280, 800],
    ] as const) {
      it(`has nothing that axe objects to, ${scheme}, ${width} × ${height}`, async () => {
        const room = newChannel();
        const page = await opened(browser, server.url, room);
        await setScheme(page, scheme);
        await setSize(page, width, height);
        await press(page);
        await send(server.url, room, 'a', 'longer than a byte');
        await until(page, 'three', ({ rows }) => rows.length === 3);
        assert.deepEqual(await findings(page), []);
        const isWider = 'document.documentElement.scrollWidth > innerWidth';
        assert.equal(await page.evaluate(isWider), false, 'nothing is to be scrolled sideways');
        await page.evaluate(`document.getElementById('share').click()`);
        await page.evaluate(`${axe}; undefined`);
        const { violations } = await page.evaluate<{ violations: Violation[] }>('axe.run(document)');
        assert.deepEqual(violations, [], 'nor with the room to be shared');
        await page.evaluate(
          `document.querySelector('#share-dialog [type=submit]').click(); location.hash = 'bad name!'`,
        );
        await until(page, 'a problem', ({ problem }) => problem !== '');
        assert.equal(await page.evaluate(`document.getElementById('share-dialog').open`), false);
        const after = await page.evaluate<{ violations: Violation[] }>('axe.run(document)');
        assert.deepEqual(after.violations, [], 'nor with a name that is none');
        await page.command('Page.close').catch(() => undefined);
      });
    }
  }

  it('fits into 320 pixels, with the longest name of a room and a long change', async () => {
    const room = 'r'.repeat(64);
    const page = await opened(browser, server.url, room);
    await setSize(page, 320, 640);
    await send(server.url, room, 'w'.repeat(300));
    await until(page, 'one', ({ rows }) => rows.length === 1);
    assert.equal(await page.evaluate('Math.max(document.documentElement.scrollWidth, innerWidth)'), 320);
    const overlaps = `(() => {
      const [name, state] = ['h1', '#state'].map((each) => document.querySelector(each).getBoundingClientRect());
      return name.right > state.left && name.bottom > state.top;
    })()`;
    assert.equal(await page.evaluate(overlaps), false);
    await page.command('Page.close').catch(() => undefined);
  });

  it('can be installed', async () => {
    const page = await opened(browser, server.url, newChannel());
    await workerOf(page);
    const manifest = (await page.command('Page.getAppManifest')) as { url: string; errors: unknown[] };
    assert.deepEqual([manifest.url, manifest.errors], [`${server.url}/app.webmanifest`, []]);
    const { installabilityErrors } = (await page.command('Page.getInstallabilityErrors')) as {
      installabilityErrors: unknown[];
    };
    assert.deepEqual(installabilityErrors, []);
    await page.command('Page.close').catch(() => undefined);
  });

  it('has a worker that keeps the app, and nothing that a room carries', async () => {
    const room = newChannel();
    const page = await opened(browser, server.url, room);
    await workerOf(page);
    await press(page);
    await until(page, 'one', ({ rows }) => rows.length === 1);
    for (const path of [`/c/${room}/state`, `/c/${room}/history`, '/healthz', '/client.js'])
      assert.equal(await page.evaluate(`fetch('${path}').then(({ status }) => status)`), 200, path);
    const kept = await page.evaluate<string[]>(`(async () => {
      const requests = await Promise.all((await caches.keys()).map(async (name) => (await caches.open(name)).keys()));
      return requests.flat().map(({ url }) => new URL(url).pathname).sort();
    })()`);
    assert.deepEqual(kept, [...APP_PATHS].sort());
    await page.command('Page.close').catch(() => undefined);
  });

  it('has time for 60 frames a second with 50 events a second, and a bounded number of rows', async () => {
    const room = newChannel();
    const page = await opened(browser, server.url, room);
    await page.command('Performance.enable');
    const busyS = async () => {
      const { metrics } = (await page.command('Performance.getMetrics')) as {
        metrics: { name: string; value: number }[];
      };
      const ours = metrics.filter(({ name }) =>
        ['ScriptDuration', 'LayoutDuration', 'RecalcStyleDuration'].includes(name),
      );
      return ours.reduce((sum, { value }) => sum + value, 0);
    };
    await page.evaluate(`globalThis.draws = 0;
      new MutationObserver((records) => draws += records.filter(({ addedNodes }) => addedNodes.length > 0).length)
        .observe(document.getElementById('rows'), { childList: true })`);
    const [before, begunMs] = [await busyS(), performance.now()];
    for (let i = 0; i < EVENTS; i++) {
      await send(server.url, room, String(i));
      await sleep(Math.max(0, (i * 1_000) / EVENTS_PER_S - (performance.now() - begunMs)));
    }
    const { rows } = await until(page, 'the last', (seen) => seen.rows[0] === String(EVENTS - 1));
    const tookS = (performance.now() - begunMs) / 1_000;
    const share = ((await busyS()) - before) / tookS;
    assert.equal(rows.length, 200);
    assert.ok(share < BUSY_MAX, `the page was busy for ${share} of the time`);
    const draws = await page.evaluate<number>('draws');
    assert.ok(draws <= tookS * 60 + 1, `${draws} draws in ${tookS} s: one for a frame at most`);
    const body = Array.from({ length: 100 }, (_, i) => `"b${i}"\n`).join('');
    await request(server.url, `/c/${room}?from=many.at-once&seq=1&batch=1`, { method: 'POST', body });
    await until(page, 'the last of many', (seen) => seen.rows[0] === 'b99');
    const more = (await page.evaluate<number>('draws')) - draws;
    assert.ok(more < 50, `${more} draws for 100 that came together`);
    await page.command('Page.close').catch(() => undefined);
  });
});
