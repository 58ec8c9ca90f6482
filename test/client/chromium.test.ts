/**
 * The client in a real browser, over the DevTools protocol itself: reloads, tabs that die, freezing, the back/forward cache, several
 * tabs, and a service worker (cases 6, 11–14, 18, 19, 39, 46, 48–55, 62 of the client).
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { newChannel } from '../contract/protocol/kit.ts';
import type { Page } from '../support/chromium.ts';
import { request } from '../support/http.ts';
import { waitFor } from '../support/wait.ts';
import { begin, look, publish, type Seen, upTo, useBrowser } from './browser-kit.ts';

/** More than a browser sends for a page that goes. */
const LARGE = 70_000;

describe('the client in a Chromium', () => {
  const kit = useBrowser();
  const { tabs, until, opened, setOffline, close, merged, untilMerged, untilWritten, streams } = kit;

  it('sends and hears (62)', async () => {
    const channel = newChannel();
    const page = await opened(channel);
    await page.evaluate(publish(channel, '1', '2', '3'));
    const { events, unhandled, transport } = await until(page, 'three', (seen) => seen.events.length === 3);
    assert.deepEqual([events, unhandled, transport], [upTo(3), [], 'shared']);
  });

  it('goes on after a reload with what it could not send (11)', async () => {
    const channel = newChannel();
    const page = await opened('');
    kit.at.proxy.set({ blackHole: true });
    await page.evaluate(publish(channel, ...upTo(5)));
    await untilWritten(page, 5);
    await page.command('Page.reload');
    await waitFor(() => page.evaluate<boolean>('!globalThis.connection && document.readyState === "complete"'), {
      what: 'the reload',
    });
    kit.at.proxy.set();
    await page.evaluate(begin(kit.at.url, channel));
    await until(page, 'all sent', ({ pending }) => pending === 0);
    await untilMerged(channel, upTo(5));
  });

  it('sends once and in order what was tapped while offline, soon after the network is back (6)', async () => {
    const channel = newChannel();
    const page = await opened('');
    await page.evaluate(publish(channel, '0'));
    await until(page, 'one sent', ({ pending }) => pending === 0);
    await setOffline(page, true);
    await page.evaluate(publish(channel, ...upTo(20)));
    await until(page, 'a failure', ({ state }) => state === 'offline');
    assert.equal((await page.evaluate<Seen>(look)).pending, 20);
    await setOffline(page, false);
    await until(page, 'all sent', ({ pending }) => pending === 0);
    await untilMerged(channel, ['0', ...upTo(20)]);
  });

  it('has a nonce in each tab; what a killed one could not send another sends (12, 13)', async () => {
    const channel = newChannel();
    const [first, second] = [await opened(''), await opened('')];
    kit.at.proxy.set({ blackHole: true });
    await first.evaluate(publish(channel, ...upTo(3)));
    await until(first, 'written', ({ pending }) => pending === 3);
    await untilWritten(first, 3);
    void first.command('Page.crash').catch(() => undefined);
    kit.at.proxy.set();
    await waitFor(
      async () => {
        await second.evaluate(`dispatchEvent(new Event('online'))`);
        return (await merged(channel)).length === 3;
      },
      { what: 'the other to send them', everyMs: 200 },
    );
    await untilMerged(channel, upTo(3));
  });

  it('keeps what a browser does not send for a page that goes: the next page sends it (18, 19)', async () => {
    const [small, large] = [newChannel(), newChannel()];
    const page = await opened('');
    kit.at.proxy.set({ blackHole: true });
    await page.evaluate(`addEventListener('unhandledrejection', ({ reason }) => {
      localStorage.setItem('unhandled', String(reason));
    });
    for (let n = 1; n <= 3; n++) {
      connection.publish('${small}', String(n));
      connection.publish('${large}', String(n).repeat(${LARGE}));
    }
    undefined`);
    await untilWritten(page, 6);
    await page.open(`${kit.at.site}/elsewhere`);
    kit.at.proxy.set();
    await page.evaluate(begin(kit.at.url, ''));
    await untilMerged(small, upTo(3));
    const sizes = async () => (await merged(large)).map((text) => [text[0], text.length]);
    await waitFor(async () => (await sizes()).length >= 3, { what: 'the large ones' });
    assert.deepEqual(
      await sizes(),
      upTo(3).map((text) => [text, LARGE]),
    );
    assert.equal(await page.evaluate(`localStorage.getItem('unhandled')`), null);
  });

  it('takes what a service worker answers for a server that is away for what it is (46)', async () => {
    const channel = newChannel();
    const page = await opened(channel, 'share: false');
    const tell = (isOffline: boolean) =>
      page.evaluate(`new Promise((resolve) => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => resolve(undefined);
        navigator.serviceWorker.controller.postMessage(${isOffline}, [port2]);
      })`);
    await page.evaluate(`navigator.serviceWorker.register('/worker.js').then(() => undefined)`);
    try {
      await waitFor(() => page.evaluate<boolean>('navigator.serviceWorker.controller !== null'), {
        what: 'the worker',
      });
      await tell(true);
      kit.at.proxy.cutAll();
      await page.evaluate(publish(channel, ...upTo(3)));
      await until(page, 'a failure', ({ state }) => state === 'offline');
      await sleep(1_000);
      const { pending, events } = await page.evaluate<Seen>(look);
      assert.deepEqual([pending, events], [3, []], 'nothing is given up, and nothing taken for an answer');
      await tell(false);
      await page.evaluate(`dispatchEvent(new Event('online'))`);
      const seen = await until(page, 'all', (each) => each.events.length === 3 && each.pending === 0);
      assert.deepEqual([seen.events, seen.unhandled], [upTo(3), []]);
      await untilMerged(channel, upTo(3));
    } finally {
      await page.evaluate(`navigator.serviceWorker.getRegistrations()
        .then((all) => Promise.all(all.map((each) => each.unregister()))).then(() => undefined)`);
    }
  });

  it('has one stream for all tabs when a channel comes later, and each hears all once (39)', async () => {
    const [channel, later] = [newChannel(), newChannel()];
    for (let i = 0; i < 2; i++) await opened(channel);
    await waitFor(async () => (await streams()) === 1, { what: 'one stream' });
    const [first, second] = tabs as [Page, Page];
    await first.evaluate(publish(channel, '1'));
    for (const tab of tabs) await until(tab, 'one', ({ events }) => events.length === 1);
    for (const tab of tabs) await tab.evaluate(`connection.subscribe('${later}', ({ data }) => events.push(data)); 0`);
    await first.evaluate(publish(channel, '2'));
    for (const tab of tabs) {
      await until(tab, 'two', ({ events, state }) => events.length === 2 && state === 'open');
    }
    await second.evaluate(publish(later, '3'));
    for (const tab of tabs) {
      const { events, unhandled } = await until(tab, 'three', (seen) => seen.events.length === 3);
      assert.deepEqual([events, unhandled], [upTo(3), []]);
    }
    await waitFor(async () => (await streams()) === 1, { what: 'one stream again' });
  });

  it('lets go of its stream when it is frozen, and misses nothing when it is thawed (51)', async () => {
    const channel = newChannel();
    const page = await opened(channel, 'share: false');
    await page.command('Page.setWebLifecycleState', { state: 'frozen' });
    await waitFor(async () => (await streams()) === 0, { what: 'the stream to be closed' });
    for (const body of upTo(3)) await request(kit.at.server.url, `/c/${channel}`, { method: 'POST', body });
    await page.command('Page.setWebLifecycleState', { state: 'active' });
    const { events } = await until(page, 'three', (seen) => seen.events.length === 3);
    assert.deepEqual(events, upTo(3));
  });

  it('is put into the back/forward cache, holds no stream there, and comes back with what it missed (52)', async () => {
    const channel = newChannel();
    const page = await opened(channel);
    await page.evaluate('globalThis.isTheSame = true');
    await page.open(`${kit.at.site}/elsewhere`);
    await waitFor(async () => (await streams()) === 0, { what: 'the stream to be closed' });
    for (const body of upTo(3)) await request(kit.at.server.url, `/c/${channel}`, { method: 'POST', body });
    await page.evaluate('history.back()');
    await waitFor(() => page.evaluate<boolean>('globalThis.isTheSame === true'), { what: 'the page to be restored' });
    const { events } = await until(page, 'three', (seen) => seen.events.length === 3);
    assert.deepEqual(events, upTo(3));
  });

  it('has one stream for all tabs; when the leader goes another leads, and each hears everything once (53, 54, 55)', async () => {
    const channel = newChannel();
    for (let i = 0; i < 3; i++) await opened(channel);
    const [first, second, third] = tabs as [Page, Page, Page];
    await waitFor(async () => (await streams()) === 1, { what: 'one stream' });
    await second.evaluate(publish(channel, '1', '2'));
    for (const tab of tabs) {
      const { events, transport } = await until(tab, 'two', (seen) => seen.events.length === 2);
      assert.deepEqual([events, transport], [upTo(2), 'shared']);
    }
    await close(first);
    await second.evaluate(publish(channel, '3', '4'));
    for (const tab of [second, third]) {
      assert.deepEqual((await until(tab, 'four', (seen) => seen.events.length === 4)).events, upTo(4));
    }
    await waitFor(async () => (await streams()) === 1, { what: 'one stream again' });
    // Frozen, it gives up the lock by itself.
    await second.command('Page.setWebLifecycleState', { state: 'frozen' });
    await third.evaluate(publish(channel, '5'));
    await until(third, 'five', (seen) => seen.events.length === 5);
    await second.command('Page.setWebLifecycleState', { state: 'active' });
    const late = await opened(channel);
    await third.evaluate(publish(channel, '6'));
    assert.deepEqual((await until(second, 'six', (seen) => seen.events.length === 6)).events, upTo(6));
    assert.deepEqual((await until(third, 'six', (seen) => seen.events.length === 6)).events, upTo(6));
    assert.deepEqual((await until(late, 'one', (seen) => seen.events.length === 1)).events, ['6']);
  });
});
