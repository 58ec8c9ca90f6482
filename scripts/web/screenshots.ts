/** Pictures of the app at `/` in the states that people meet, into `docs/screens/`: `npm run web:screenshots`. To be looked at after a change. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { startProxy } from '../../test/faults/proxy.ts';
import { type Chromium, type Page, startChromium } from '../../test/support/chromium.ts';
import { request } from '../../test/support/http.ts';
import { startServer } from '../../test/support/process.ts';
import { createRandom } from '../../test/support/random.ts';
import { waitFor } from '../../test/support/wait.ts';
import { key, press, setScheme, setSize, until } from '../../test/web/kit.ts';

const folder = new URL('../../docs/screens/', import.meta.url);
const SIZES = { phone: [390, 844], desktop: [1280, 800] } as const;
const SHOTS = [
  ['empty', 'phone', 'light'],
  ['busy', 'phone', 'light'],
  ['busy', 'phone', 'dark'],
  ['offline', 'phone', 'dark'],
  ['share', 'phone', 'light'],
  ['empty', 'desktop', 'dark'],
  ['busy', 'desktop', 'light'],
  ['busy', 'desktop', 'dark'],
  ['offline', 'desktop', 'light'],
  ['error', 'desktop', 'dark'],
] as const;
/** One for each, in the order of the pictures. */
const ROOMS = [
  'kitchen',
  'garden',
  'attic',
  'harbour',
  'lobby',
  'kiosk',
  'library',
  'workshop',
  'terrace',
  'cellar',
  'studio',
];
let rooms = -1;
type State = (typeof SHOTS)[number][0];

await using server = await startServer({ env: { HEARTBEAT_MS: '1000' } });
await using refusing = await startServer({ env: { AUTH: 'jwt', JWT_SECRET: 'of a screenshot, and known to all' } });
await using proxy = await startProxy(() => [{ host: '127.0.0.1', port: server.port }], createRandom(1));
await using browser = await startChromium({});
const through = `http://127.0.0.1:${proxy.port}`;

async function say(room: string, name: string, seq: number, body: string): Promise<void> {
  await request(server.url, `/c/${room}?from=${name}.shot&seq=${seq}`, { method: 'POST', body });
}

async function talk(page: Page, room: string): Promise<void> {
  const said = ['x', 'x', 'o', '+', '!', 'x', '?', 'o', 'hello', 'x'];
  for (const [i, body] of said.entries()) {
    await say(room, ['ana', 'bruno', 'chiara'][i % 3]!, i + 1, body);
    if (i % 3 === 0) await press(page);
  }
  await until(page, 'all of it', ({ rows }) => rows.length >= said.length + 4);
}

async function prepare(state: State, page: Page, room: string): Promise<void> {
  await until(page, 'a state', (seen) => seen.state === (state === 'error' ? 'Refused' : 'Connected'));
  if (state === 'busy') {
    await talk(page, room);
    await page.open('about:blank');
    for (const [i, body] of ['x', 'x', 'o'].entries()) await say(room, 'ana', 20 + i, body);
    await page.open(`${through}/#${room}`);
    await until(page, 'what was missed', ({ notes }) => notes.length === 1 && notes[0]!.startsWith('3'));
    await say(room, 'chiara', 40, '?');
    await press(page);
    await until(page, 'all of it', ({ rows, waiting }) => rows.length >= 19 && waiting === '');
    await waitFor(() => page.evaluate('!document.querySelector(".down")'), { what: 'the coin' });
  }
  if (state === 'offline') {
    await talk(page, room);
    proxy.set({ refuse: true });
    proxy.cutAll();
    for (const each of 'xox') await key(page, each);
    await until(page, 'to be offline', (seen) => seen.state === 'No connection' && seen.waiting !== '');
  }
  if (state === 'share') await page.evaluate(`document.getElementById('share').click()`);
}

async function shoot(from: Chromium, state: State, size: keyof typeof SIZES, scheme: 'light' | 'dark') {
  const page = await from.newPage();
  const [width, height] = SIZES[size];
  const room = ROOMS[++rooms]!;
  await setSize(page, width, height);
  await setScheme(page, scheme);
  await page.open(`${through}/healthz`);
  await page.evaluate(`localStorage.clear(); localStorage.setItem('smallchange.name', '"dora"')`);
  await page.open(`${state === 'error' ? refusing.url : through}/#${room}`);
  await prepare(state, page, room);
  // Whatever moves has come to rest.
  await page.evaluate(
    'Promise.all(document.getAnimations().filter((each) => each.effect.getComputedTiming().iterations === 1).map((each) => each.finished)).then(() => undefined)',
  );
  const { data } = (await page.command('Page.captureScreenshot', { format: 'png' })) as { data: string };
  writeFileSync(new URL(`${state}-${size}-${scheme}.png`, folder), Buffer.from(data, 'base64'));
  proxy.set();
  await page.command('Page.close').catch(() => undefined);
}

mkdirSync(folder, { recursive: true });
for (const [state, size, scheme] of SHOTS) await shoot(browser, state, size, scheme);
