/** The app at `/` in a Chromium: sending, rooms, coming back, being without a network, many pages, a server that is started anew. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { newChannel } from '../contract/protocol/kit.ts';
import { startProxy } from '../faults/proxy.ts';
import type { Chromium, Page } from '../support/chromium.ts';
import { request } from '../support/http.ts';
import { type ServerProcess, startServer } from '../support/process.ts';
import { createRandom } from '../support/random.ts';
import { waitFor } from '../support/wait.ts';
import { connected, key, merged, opened, press, reload, send, setOffline, start, until, workerOf } from './kit.ts';

const HEARTBEAT_MS = '1000';

describe('the app', () => {
  let server: ServerProcess;
  let browser: Chromium;
  const pages: Page[] = [];
  before(async () => {
    [server, browser] = await Promise.all([startServer({ env: { HEARTBEAT_MS } }), start()]);
  });
  after(async () => {
    await browser?.[Symbol.asyncDispose]();
    await server?.stop();
  });
  afterEach(async () => {
    for (const page of pages.splice(0)) {
      // What one test chose is not the next one's.
      await page.evaluate('localStorage.clear()').catch(() => undefined);
      await page.command('Page.close').catch(() => undefined);
    }
  });

  async function open(room: string, url = server.url): Promise<Page> {
    const page = await opened(browser, url, room);
    pages.push(page);
    return page;
  }

  it('sends by a press, and another page sees it', async () => {
    const room = newChannel();
    const [first, second] = [await open(room), await open(room)];
    await press(first);
    const [here, there] = [
      await until(first, 'one', ({ rows }) => rows.length === 1),
      await until(second, 'one', ({ rows }) => rows.length === 1),
    ];
    assert.deepEqual([here.rows, here.own], [['x'], ['x']], 'its own is marked');
    assert.deepEqual([there.rows, there.own, there.notes], [['x'], [], []]);
  });

  it('sends any key, but not those of a field, and none once keys are switched off', async () => {
    const room = newChannel();
    const page = await open(room);
    await key(page, 'q');
    await key(page, ' ');
    await until(page, 'two', ({ rows }) => rows.length === 2);
    await page.evaluate(`document.getElementById('name').focus()`);
    await key(page, 'w');
    await page.evaluate(`document.activeElement.blur(); document.getElementById('keys').click()`);
    await key(page, 'e');
    await press(page);
    await until(page, 'three', ({ rows }) => rows.length === 3);
    assert.deepEqual(await merged(server.url, room), ['q', ' ', ' ']);
  });

  it('lets a phone choose another byte', async () => {
    const room = newChannel();
    const page = await open(room);
    await page.evaluate(`document.querySelector('#bytes input[value="!"]').click()`);
    await press(page);
    await page.evaluate(`document.getElementById('other-byte').focus()`);
    await page.command('Input.insertText', { text: 'é' });
    await press(page);
    await until(page, 'two', ({ rows }) => rows.length === 2);
    assert.deepEqual(await merged(server.url, room), ['!', 'é']);
  });

  it('goes to another room by Enter, and sends nothing to either', async () => {
    const [room, next] = [newChannel(), newChannel()];
    const page = await open(room);
    await page.evaluate(`document.getElementById('room').focus(); document.getElementById('room').select()`);
    await page.command('Input.insertText', { text: next });
    for (let i = 0; i < 3; i++) await key(page, 'Enter');
    await until(page, 'to be there', ({ room: shown, state }) => shown === next && state === 'Connected');
    assert.equal(await page.evaluate('location.hash'), `#${next}`);
    // Whatever would have been sent before this has been.
    await press(page);
    await until(page, 'one', ({ rows }) => rows.length === 1);
    assert.deepEqual([await merged(server.url, room), await merged(server.url, next)], [[], ['x']]);
  });

  it('says that a name is none, and stays where it is', async () => {
    const room = newChannel();
    const page = await open(room);
    await page.evaluate(`location.hash = 'bad name!'`);
    const { problem, state } = await until(page, 'a problem', ({ problem: told }) => told !== '');
    assert.match(problem, /1 to 64 of A–Z/);
    assert.equal(state, 'Connected');
    await press(page);
    await until(page, 'one', ({ rows }) => rows.length === 1);
    assert.deepEqual(await merged(server.url, room), ['x'], 'the coin says which room it is for');
    await page.open('about:blank');
    await page.open(`${server.url}/#-`);
    const lost = await until(page, 'no room', ({ state: told }) => told === 'No room');
    assert.notEqual(lost.problem, '');
    assert.equal(await page.evaluate(`document.getElementById('coin').disabled`), true);
  });

  it('shows after a reload what was there, tells how many came meanwhile, and goes on', async () => {
    const room = newChannel();
    const page = await open(room);
    await press(page, 2);
    await until(page, 'two', ({ rows }) => rows.length === 2);
    await page.open('about:blank');
    await send(server.url, room, 'a', 'b', 'c');
    await page.open(`${server.url}/#${room}`);
    const seen = await until(page, 'all', ({ rows }) => rows.length === 5);
    assert.deepEqual(seen.rows, ['c', 'b', 'a', 'x', 'x']);
    assert.deepEqual(seen.own, ['x', 'x'], 'also those of before the reload');
    assert.deepEqual(seen.notes, ['3 came while you were away']);
    await press(page);
    const after = await until(page, 'one more', ({ rows }) => rows.length === 6);
    assert.deepEqual([after.rows[0], after.notes], ['x', seen.notes], 'what is new is not missed');
    await reload(page);
    await connected(page);
    const again = await until(page, 'the same', ({ rows }) => rows.length === 6);
    assert.deepEqual(again.notes, [], 'nothing came');
  });

  it('tells it also of a room that was empty', async () => {
    const room = newChannel();
    const page = await open(room);
    await page.open('about:blank');
    await send(server.url, room, 'a', 'b');
    await page.open(`${server.url}/#${room}`);
    const { rows, notes } = await until(page, 'both', (seen) => seen.rows.length === 2);
    assert.deepEqual([rows, notes], [['b', 'a'], ['2 came while you were away']]);
  });

  it('tells it also where another tab has the stream', async () => {
    const room = newChannel();
    const [first, second] = [await open(room), await open(room)];
    const seen = () => first.evaluate<string>(`localStorage.getItem('smallchange.rooms') ?? ''`);
    const untilSeen = (count: number) =>
      waitFor(async () => JSON.parse((await seen()) || '{}')[room]?.rows.length === count, { what: `${count} rows` });
    await press(first);
    await until(second, 'one', ({ rows }) => rows.length === 1);
    await untilSeen(1);
    const before = await seen();
    await second.open('about:blank');
    await send(server.url, room, 'a', 'b');
    await until(first, 'three', ({ rows }) => rows.length === 3);
    await untilSeen(3);
    // As if only the other had been open: what any tab has seen counts for all.
    await first.evaluate(`localStorage.setItem('smallchange.rooms', ${JSON.stringify(before)})`);
    await second.open(`${server.url}/#${room}`);
    const { rows, notes } = await until(second, 'all', (told) => told.rows.length === 3);
    assert.deepEqual([rows, notes], [['b', 'a', 'x'], ['2 came while you were away']]);
  });

  it('begins in a room that it has not seen with the newest of it', async () => {
    const room = newChannel();
    await send(server.url, room, ...Array.from({ length: 60 }, (_, i) => String(i)));
    const page = await open(room);
    const { rows, notes } = await until(page, 'fifty', (seen) => seen.rows.length === 50);
    assert.deepEqual([rows[0], rows.at(-1), notes], ['59', '10', []]);
  });

  it('keeps what is pressed offline: all of it arrives once, in order', async () => {
    const room = newChannel();
    const page = await open(room);
    await setOffline(page, true);
    const sent = Array.from({ length: 20 }, (_, i) => String.fromCharCode(97 + i));
    for (const each of sent) await key(page, each);
    await until(page, 'all to wait', ({ state, waiting }) => state !== 'Connected' && waiting === '20 wait to be sent');
    await setOffline(page, false);
    await until(page, 'all', ({ rows }) => rows.length === 20);
    await until(page, 'nothing to wait', (seen) => seen.waiting === '' && seen.state === 'Connected');
    assert.deepEqual(await merged(server.url, room), sent);
  });

  it('works without its server: it is there, with what was seen, and sends what was pressed once that is back', async () => {
    const proxy = await startProxy(() => [{ host: '127.0.0.1', port: server.port }], createRandom(1));
    try {
      const room = newChannel();
      const page = await open(room, `http://127.0.0.1:${proxy.port}`);
      await press(page);
      await until(page, 'one', ({ rows }) => rows.length === 1);
      await workerOf(page);
      proxy.set({ refuse: true });
      proxy.cutAll();
      await reload(page);
      const away = await until(page, 'the page', ({ state }) => state === 'No connection');
      assert.deepEqual(away.rows, ['x']);
      await key(page, 'a');
      await key(page, 'b');
      await until(page, 'two to wait', ({ waiting }) => waiting === '2 wait to be sent');
      // Also over a reload.
      await reload(page);
      await until(page, 'two to wait', ({ waiting }) => waiting === '2 wait to be sent');
      proxy.set();
      const back = await until(page, 'all', ({ rows, state }) => rows.length === 3 && state === 'Connected');
      assert.deepEqual(back.rows, ['b', 'a', 'x']);
      assert.deepEqual(await merged(server.url, room), ['x', 'a', 'b']);
    } finally {
      await proxy[Symbol.asyncDispose]();
    }
  });

  it('never says connected over a dead stream, and counts what came meanwhile', async () => {
    const proxy = await startProxy(() => [{ host: '127.0.0.1', port: server.port }], createRandom(1));
    try {
      const room = newChannel();
      const page = await open(room, `http://127.0.0.1:${proxy.port}`);
      proxy.set({ blackHole: true });
      await until(page, 'it to notice', ({ state }) => state === 'No connection');
      await send(server.url, room, 'a', 'b');
      proxy.cutAll();
      proxy.set();
      const { rows, notes } = await until(page, 'both', (seen) => seen.rows.length === 2 && seen.state === 'Connected');
      assert.deepEqual([rows, notes], [['b', 'a'], ['2 came while the connection was gone']]);
    } finally {
      await proxy[Symbol.asyncDispose]();
    }
  });

  it('tells what came while it was frozen', async () => {
    const room = newChannel();
    const page = await open(room);
    await press(page);
    await until(page, 'one', ({ rows }) => rows.length === 1);
    await page.command('Page.setWebLifecycleState', { state: 'frozen' });
    await waitFor(async () => (await request(server.url, '/load')).json<{ streams: number }>().streams === 0, {
      what: 'its stream to be closed',
    });
    await send(server.url, room, 'a', 'b', 'c');
    await page.command('Page.setWebLifecycleState', { state: 'active' });
    // To the browser it is still hidden, until somebody comes back to it from another.
    const other = await browser.newPage();
    pages.push(other);
    await other.command('Page.bringToFront');
    const { rows, notes } = await until(page, 'all', (seen) => seen.rows.length === 4);
    assert.deepEqual([rows, notes], [['c', 'b', 'a', 'x'], ['3 came while you were away']]);
  });

  it('waits for a place where there is none, and takes it', async () => {
    await using full = await startServer({ env: { HEARTBEAT_MS, MAX_STREAMS: '1' } });
    const leaving = new AbortController();
    const taken = await fetch(`${full.url}/c/other/events`, { signal: leaving.signal });
    assert.equal(taken.status, 200);
    const page = await browser.newPage();
    pages.push(page);
    await page.open(`${full.url}/#${newChannel()}`);
    const { detail } = await until(page, 'to be refused', ({ state }) => state === 'No connection');
    assert.match(detail, /not now/);
    leaving.abort();
    await connected(page);
  });

  it('goes on with a server that was started anew, and says what is lost', async () => {
    const own = await startServer({ env: { HEARTBEAT_MS } });
    const room = newChannel();
    const page = await open(room, own.url);
    await press(page);
    await until(page, 'one', ({ rows }) => rows.length === 1);
    await own.kill9();
    await until(page, 'it to notice', ({ state }) => state !== 'Connected');
    await key(page, 'a');
    await key(page, 'b');
    await using again = await startServer({ env: { HEARTBEAT_MS, PORT: String(own.port) } });
    const { rows, notes } = await until(page, 'both', (seen) => seen.rows.length === 2 && seen.state === 'Connected');
    assert.deepEqual(rows, ['b', 'a']);
    assert.match(notes.join(), /begun anew/);
    assert.deepEqual(await merged(again.url, room), ['a', 'b']);
  });

  it('says why it is refused', async () => {
    await using closed = await startServer({ env: { AUTH: 'jwt', JWT_SECRET: 'x'.repeat(32) } });
    const page = await browser.newPage();
    pages.push(page);
    await page.open(`${closed.url}/`);
    const { detail } = await until(page, 'refused', ({ state }) => state === 'Refused');
    assert.match(detail, /token/);
  });

  it('has one stream for eight pages, over HTTP/1.1, and each can send', async () => {
    const room = newChannel();
    const all: Page[] = [];
    for (let i = 0; i < 8; i++) all.push(await open(room));
    await waitFor(async () => (await request(server.url, '/load')).json<{ streams: number }>().streams === 1, {
      what: 'one stream',
    });
    for (const page of all) await press(page);
    for (const page of all) {
      const { rows, notes } = await until(page, 'eight', (seen) => seen.rows.length === 8);
      assert.deepEqual([rows, notes], [Array(8).fill('x'), []]);
    }
  });

  it('shows another name once it was given, and keeps it', async () => {
    const room = newChannel();
    const [page, other] = [await open(room), await open(room)];
    await page.evaluate(`document.getElementById('name').value = 'ana';
      document.getElementById('name-form').requestSubmit()`);
    await waitFor(() => page.evaluate(`localStorage.getItem('smallchange.name') === '"ana"'`), { what: 'the name' });
    await press(page);
    await until(other, 'one', ({ rows }) => rows.length === 1);
    assert.equal(await other.evaluate(`document.querySelector('#rows .who').textContent`), 'ana');
    await reload(page);
    assert.equal(await page.evaluate(`document.getElementById('name').value`), 'ana');
  });

  it('shows what a channel carries as text, whatever it is', async () => {
    const room = newChannel();
    const page = await open(room);
    const evil = '<img src=x onerror="document.title=1">';
    await send(server.url, room, evil);
    const { rows } = await until(page, 'one', (seen) => seen.rows.length === 1);
    assert.deepEqual(rows, [evil]);
    assert.equal(await page.evaluate(`document.querySelectorAll('#rows img').length`), 0);
    const made = page.evaluate(`document.getElementById('rows').innerHTML = '<b>x</b>'`);
    await assert.rejects(made, /TrustedHTML/, 'not even by mistake');
  });

  it('sends by itself when it is told to', async () => {
    const room = newChannel();
    const page = await open(room);
    await page.evaluate(`document.getElementById('auto-mean').value = '1'; document.getElementById('auto').click()`);
    await until(page, 'two', ({ rows }) => rows.length >= 2);
    await page.evaluate(`document.getElementById('auto').click()`);
  });
});
