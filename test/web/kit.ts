/** The app in a real browser, against the program: what a test does with a page of it, and what it sees there. */
import { type Chromium, type Page, startChromium } from '../support/chromium.ts';
import { request } from '../support/http.ts';
import { waitFor } from '../support/wait.ts';

export interface Seen {
  readonly state: string;
  readonly detail: string;
  readonly room: string;
  readonly problem: string;
  readonly waiting: string;
  /** Newest first: what an event or a note says. */
  readonly rows: readonly string[];
  readonly own: readonly string[];
  readonly notes: readonly string[];
}

const LOOK = `(() => {
  const text = (id) => document.getElementById(id).textContent;
  const all = (selector) => [...document.querySelectorAll(selector)].map((each) => each.textContent);
  return {
    state: text('state-words'), detail: text('state-detail'), room: document.getElementById('room').value,
    problem: text('room-problem'), waiting: text('outbox'),
    rows: all('#rows .what'), own: all('#rows .own .what'), notes: all('#rows .note'),
  };
})()`;

export const look = (page: Page) => page.evaluate<Seen>(LOOK);

export async function until(page: Page, what: string, condition: (seen: Seen) => boolean): Promise<Seen> {
  let last: Seen | undefined;
  // A page that nobody sees draws nothing.
  await page.command('Page.bringToFront');
  return waitFor(
    async () => {
      // A page on its way has no elements yet.
      last = await look(page).catch(() => undefined);
      return last && condition(last) ? last : undefined;
    },
    { what: () => `${what}: ${JSON.stringify(last)}`, everyMs: 20 },
  );
}

export const connected = (page: Page) => until(page, 'to be connected', ({ state }) => state === 'Connected');

export async function opened(browser: Chromium, url: string, room: string): Promise<Page> {
  const page = await browser.newPage();
  await page.open(`${url}/#${room}`);
  await connected(page);
  return page;
}

/** It is there, and stands behind this page. */
export async function workerOf(page: Page): Promise<void> {
  await waitFor(() => page.evaluate<boolean>('navigator.serviceWorker.controller !== null'), { what: 'the worker' });
}

export async function reload(page: Page): Promise<void> {
  await page.evaluate('globalThis.isOld = true');
  await page.command('Page.reload');
  await waitFor(
    () => page.evaluate<boolean>('!globalThis.isOld && document.readyState === "complete"').catch(() => false),
    {
      what: 'the reload',
    },
  );
}

/** By the coin, with whatever byte is chosen. */
export const press = (page: Page, times = 1) =>
  page.evaluate(`for (let i = 0; i < ${times}; i++) document.getElementById('coin').click(); undefined`);

/** As a keyboard does it, the default action of the page's own elements included. */
export async function key(page: Page, text: string): Promise<void> {
  const named: Record<string, object> = {
    Enter: { key: 'Enter', code: 'Enter', windowsVirtualKeyCode: 13, text: '\r' },
    Tab: { key: 'Tab', code: 'Tab', windowsVirtualKeyCode: 9 },
    ' ': { key: ' ', code: 'Space', windowsVirtualKeyCode: 32, text: ' ' },
  };
  const what = named[text] ?? { key: text, text };
  await page.command('Input.dispatchKeyEvent', { type: 'keyDown', ...what });
  await page.command('Input.dispatchKeyEvent', { type: 'keyUp', ...what, text: undefined });
}

export async function setOffline(page: Page, offline: boolean): Promise<void> {
  const speed = { latency: 0, downloadThroughput: -1, uploadThroughput: -1 };
  await page.command('Network.enable');
  await page.command('Network.emulateNetworkConditions', { offline, ...speed });
}

export async function setScheme(page: Page, scheme: 'light' | 'dark'): Promise<void> {
  await page.command('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
}

export async function setSize(page: Page, width: number, height: number): Promise<void> {
  const metrics = { width, height, deviceScaleFactor: 1, mobile: width < 600 };
  await page.command('Emulation.setDeviceMetricsOverride', metrics);
}

/** What was merged, oldest first. */
export async function merged(url: string, room: string): Promise<string[]> {
  const page = await request(url, `/c/${room}/history?limit=500`);
  return page.json<{ events: { data: string }[] }>().events.map(({ data }) => data);
}

/** Somebody else's. */
export async function send(url: string, room: string, ...changes: string[]): Promise<void> {
  for (const body of changes) await request(url, `/c/${room}`, { method: 'POST', body });
}

export const start = () => startChromium({});
