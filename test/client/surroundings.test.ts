/**
 * The client in a Chromium in which something is not as it should be: no IndexedDB, no locks, answers that are no streams, a page that is
 * hidden or stands still (cases 14, 16, 31, 32, 44, 48, 49, 53, 56 of the client).
 */
import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { newChannel } from '../contract/protocol/kit.ts';
import type { Page } from '../support/chromium.ts';
import { request } from '../support/http.ts';
import { waitFor } from '../support/wait.ts';
import { startAnsweringProxy } from './answering-proxy.ts';
import { LAN, publish, upTo, useBrowser } from './browser-kit.ts';

const readable = { 'access-control-allow-origin': '*' };
const html = (response: ServerResponse) => {
  response.writeHead(200, { ...readable, 'content-type': 'text/html' }).end('<title>Wi-Fi of the hotel</title>');
};
const status =
  (code: number, headers: object = readable) =>
  (response: ServerResponse) => {
    response.writeHead(code, { ...headers }).end();
  };
/** To where the next answer is given. */
const login = (response: ServerResponse) => {
  response.writeHead(302, { ...readable, location: '/login/events' }).end();
};

/** Each breaks it in another way: it throws, it is of a newer version, it never opens, it takes nothing. */
const broken: Readonly<Record<string, string>> = {
  throws: `indexedDB.open = () => { throw new DOMException('private', 'SecurityError'); };`,
  'is of a newer version': `await new Promise((resolve) => {
    indexedDB.open('smallchange', 9).onsuccess = ({ target }) => { target.result.close(); resolve(); };
  });`,
  'never opens': `indexedDB.open = () => ({});`,
  'takes nothing': `IDBObjectStore.prototype.put = () => { throw new DOMException('full', 'QuotaExceededError'); };`,
};

describe('the client in a Chromium where something is missing', () => {
  const kit = useBrowser();
  const { tabs, until, opened, setOffline, holdPart, merged, untilMerged, untilWritten, streams } = kit;

  const post = (channel: string, ...bodies: string[]) =>
    Promise.all(bodies.map((body) => request(kit.at.server.url, `/c/${channel}`, { method: 'POST', body })));

  const history = (channel: string) => `(async () => {
    const texts = [];
    for await (const { data } of connection.history('${channel}', { since: 'earliest' })) texts.push(data);
    return texts;
  })()`;

  /** It is asked for again after a back-off, and no history is read without it. @returns That of the channel. */
  const untilPartIsThere = (page: Page, channel: string) =>
    waitFor(() => page.evaluate<string[]>(history(channel)).catch(() => undefined), { what: 'the part', everyMs: 100 });

  for (const [how, before] of Object.entries(broken)) {
    it(`works in memory and says so where IndexedDB ${how} (16)`, async () => {
      const channel = newChannel();
      // A site of its own: what is broken in one would be broken in others.
      const site = kit.at.site.replace('localhost', `${how.replaceAll(' ', '-')}.localhost`);
      const page = await opened(channel, '', { site, before });
      await page.evaluate(publish(channel, ...upTo(3)));
      const seen = await until(page, 'three', ({ events, pending }) => events.length === 3 && pending === 0);
      assert.deepEqual([seen.events, seen.unhandled], [upTo(3), []]);
      assert.equal(await page.evaluate('connection.status.reason'), 'not-durable');
      assert.deepEqual(await merged(channel), upTo(3));
    });
  }

  it('sends and hears without the part that could not be loaded, and asks for it again', async () => {
    const channel = newChannel();
    kit.setPart(false);
    const page = await opened(channel, 'random: () => 0');
    await page.evaluate(publish(channel, ...upTo(3)));
    const without = await until(page, 'three', ({ events, pending }) => events.length === 3 && pending === 0);
    assert.deepEqual([without.events, without.transport, without.unhandled], [upTo(3), 'fetch', []]);
    assert.equal(await page.evaluate('connection.status.reason'), 'not-durable');
    await assert.rejects(page.evaluate(history(channel)), /dynamically imported/);
    kit.setPart(true);
    assert.deepEqual(await untilPartIsThere(page, channel), upTo(3));
    await page.evaluate(publish(channel, '4'));
    const { events, unhandled } = await until(page, 'four', (seen) => seen.events.length === 4);
    assert.deepEqual([events, unhandled], [upTo(4), []]);
  });

  it('sends what was published while that part was on its way once it has come, once and in order', async () => {
    const channel = newChannel();
    const asked = holdPart();
    const page = await opened('');
    await page.evaluate(publish(channel, ...upTo(3)));
    const give = await asked;
    assert.deepEqual([await merged(channel), await page.evaluate('connection.pending')], [[], 3], 'kept until then');
    give();
    const sent = await until(page, 'all sent', ({ pending }) => pending === 0);
    assert.deepEqual([sent.reason, sent.unhandled], [undefined, []], 'in an outbox that outlives the page');
    await untilMerged(channel, upTo(3));
  });

  it('sends what was published where that part could not be loaded offline, once and in order', async () => {
    const channel = newChannel();
    const page = await opened('', 'random: () => 0', { before: `await import('/client.js');`, isOffline: true });
    await page.evaluate(publish(channel, ...upTo(3)));
    await until(page, 'a failure', ({ state }) => state === 'offline');
    await setOffline(page, false);
    const sent = await until(page, 'all sent', ({ pending }) => pending === 0);
    assert.deepEqual([sent.reason, sent.unhandled], ['not-durable', []]);
    await untilMerged(channel, upTo(3));
    assert.deepEqual(await untilPartIsThere(page, channel), upTo(3));
    await page.evaluate(
      `connection.subscribe('${channel}', ({ data }) => events.push(data), { since: 'earliest' }); undefined`,
    );
    const heard = await until(page, 'three', ({ events }) => events.length >= 3);
    assert.deepEqual([heard.events, heard.transport], [upTo(3), 'shared']);
  });

  it('has a stream in each tab over plain http in a LAN, and each hears all once (56)', async () => {
    const channel = newChannel();
    const site = kit.at.site.replace('localhost', LAN);
    for (let i = 0; i < 2; i++) await opened(channel, '', { site });
    assert.equal(await tabs[0]!.evaluate('isSecureContext || "locks" in navigator'), false);
    await hearEachItsOwn(channel);
  });

  it('has a stream in each tab without a channel between them, and each hears all once (56)', async () => {
    const channel = newChannel();
    for (let i = 0; i < 2; i++) await opened(channel, '', { before: 'delete globalThis.BroadcastChannel;' });
    await hearEachItsOwn(channel);
  });

  async function hearEachItsOwn(channel: string): Promise<void> {
    await waitFor(async () => (await streams()) === 2, { what: 'two streams' });
    await tabs[0]!.evaluate(publish(channel, ...upTo(3)));
    await until(tabs[0]!, 'sent', ({ pending }) => pending === 0);
    await post(channel, '4');
    for (const tab of tabs) {
      const { events, transport, unhandled } = await until(tab, 'four', (seen) => seen.events.length >= 4);
      assert.deepEqual([events, transport, unhandled], [upTo(4), 'fetch', []]);
    }
  }

  for (const [what, answer] of Object.entries({
    503: status(503),
    204: status(204),
    HTML: html,
    'what the page may not read': status(200, { 'content-type': 'text/event-stream' }),
  })) {
    it(`makes another EventSource from where it was when one is answered ${what} (44)`, async () => {
      await using proxy = await startAnsweringProxy(kit.at.server.port);
      const channel = newChannel();
      const page = await opened(channel, `transports: ['eventsource'], share: false, random: () => 0`, proxy);
      await post(channel, '1');
      await until(page, 'one', ({ events }) => events.length === 1);
      proxy.answers.push(answer, answer);
      proxy.cut();
      await post(channel, '2');
      const seen = await until(page, 'two', ({ events }) => events.length === 2);
      assert.deepEqual([seen.events, seen.transport, seen.unhandled], [upTo(2), 'eventsource', []]);
      assert.equal(proxy.asked.length, 4, 'one of its own, two that were answered so, one that went on');
      const [first, ...others] = proxy.asked.map((query) => query.get('since'));
      assert.deepEqual([first, new Set(others).size, typeof others[0]], [null, 1, 'string']);
    });
  }

  it('takes a captive portal for none of ours, and goes on when the network is said to be back (32)', async () => {
    await using proxy = await startAnsweringProxy(kit.at.server.port);
    const channel = newChannel();
    const page = await opened(channel, 'share: false, random: () => 0', proxy);
    proxy.answers.push(html, login, html, html);
    proxy.cut();
    await until(page, 'failed', ({ state }) => state === 'failed');
    assert.equal(await page.evaluate('connection.status.reason'), 'not-our-server');
    const { length } = proxy.asked;
    await sleep(500);
    assert.equal(proxy.asked.length, length, 'asked no more');
    await post(channel, '1');
    await page.evaluate(`dispatchEvent(new Event('online'))`);
    const { events, unhandled } = await until(page, 'one', (seen) => seen.events.length === 1);
    assert.deepEqual([events, unhandled], [['1'], []]);
  });

  /** As the browser says it: headless, no tab covers another. */
  const look = (page: Page, state: 'hidden' | 'visible') =>
    page.evaluate(`Object.defineProperty(document, 'visibilityState', { value: '${state}', configurable: true });
      document.dispatchEvent(new Event('visibilitychange')); undefined`);
  const asks = (page: Page) =>
    page.evaluate<number>(
      `performance.getEntriesByType('resource').filter(({ name }) => name.includes('/events')).length`,
    );

  it('keeps its stream while it is hidden for a moment (48)', async () => {
    const channel = newChannel();
    const page = await opened(channel, 'share: false');
    await look(page, 'hidden');
    await post(channel, '1');
    await until(page, 'one', ({ events }) => events.length === 1);
    await look(page, 'visible');
    await post(channel, '2');
    const { events } = await until(page, 'two', (seen) => seen.events.length === 2);
    assert.deepEqual(events, upTo(2));
    assert.equal(await streams(), 1);
    // A stream is among the resources once it has ended.
    assert.equal(await asks(page), 0);
  });

  it('holds no stream when it is hidden for long, and has what it missed once it is looked at (49)', async () => {
    const channel = newChannel();
    const page = await opened(channel, 'share: false, whenHidden: 200');
    await look(page, 'hidden');
    await waitFor(async () => (await streams()) === 0, { what: 'no stream' });
    assert.equal(await page.evaluate('connection.status.state'), 'parked');
    await post(channel, '1');
    await look(page, 'visible');
    const { events } = await until(page, 'one', (seen) => seen.events.length === 1);
    assert.deepEqual(events, ['1']);
  });

  it('asks once when it has stood still, though nobody had said so (31)', async () => {
    const channel = newChannel();
    // As in browsers that freeze a page without a word.
    const before = `for (const type of ['freeze', 'resume']) {
      document.addEventListener(type, (event) => event.stopImmediatePropagation(), true);
    }`;
    const page = await opened(channel, 'share: false', { before });
    await page.command('Page.setWebLifecycleState', { state: 'frozen' });
    await post(channel, '1');
    await sleep(6_000);
    await post(channel, '2');
    await page.command('Page.setWebLifecycleState', { state: 'active' });
    const { events } = await until(page, 'two', (seen) => seen.events.length === 2);
    assert.deepEqual(events, upTo(2));
    assert.equal(await asks(page), 1, 'the one that died');
  });

  it('comes back from the cache to an outbox that another tab has sent, and goes on after it (14)', async () => {
    const channel = newChannel();
    const first = await opened('');
    kit.at.proxy.set({ blackHole: true });
    await first.evaluate(`globalThis.isTheSame = true; ${publish(channel, ...upTo(3))}`);
    await untilWritten(first, 3);
    await first.open(`${kit.at.site}/elsewhere`);
    kit.at.proxy.set();
    await opened('');
    await untilMerged(channel, upTo(3));
    await first.evaluate('history.back()');
    await waitFor(() => first.evaluate<boolean>('globalThis.isTheSame === true'), { what: 'the page to be restored' });
    await first.evaluate(publish(channel, '4'));
    const { unhandled } = await until(first, 'all sent', ({ pending }) => pending === 0);
    await untilMerged(channel, upTo(4));
    assert.deepEqual(unhandled, []);
  });

  it('has one stream for eight tabs over HTTP/1.1, and a change waits for none of them (53)', async () => {
    const channel = newChannel();
    for (let i = 0; i < 8; i++) await opened(channel);
    await waitFor(async () => (await streams()) === 1, { what: 'one stream' });
    for (const [i, tab] of tabs.entries()) await tab.evaluate(`connection.publish('${channel}', '${i + 1}')`);
    for (const tab of tabs) {
      const { events, transport } = await until(tab, 'eight', (seen) => seen.events.length === 8);
      assert.deepEqual([events, transport], [upTo(8), 'shared']);
    }
  });
});
