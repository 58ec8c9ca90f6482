/**
 * A real browser's own EventSource with a session: it is cut when the session expires, told so, and comes back by itself once another tab has
 * renewed it, with nothing missed (P36).
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { startLocalApp } from '../support/app.ts';
import { startChromium } from '../support/chromium.ts';
import { bearer, nowS, SECRET } from '../support/tokens.ts';
import { waitFor } from '../support/wait.ts';

const grant = { publish: ['a'], subscribe: ['a'] };
/** `retry:` is 45 s at most. */
const BACK_MS = 55_000;

const begin = (authorization: string) =>
  `fetch('/session', { method: 'POST', headers: { authorization: '${authorization}' } }).then(({ status }) => status)`;
const send = (text: string) => `fetch('/c/a', { method: 'POST', body: '${text}' }).then(({ status }) => status)`;
const listen = `(() => {
  window.seen = [];
  window.source = new EventSource('/c/a/events');
  source.onmessage = ({ data }) => seen.push(data);
  for (const type of ['$auth', '$sync']) source.addEventListener(type, ({ data }) => seen.push(type + ' ' + JSON.parse(data).status));
})()`;

it('a Chromium’s EventSource with a session that expires, and is renewed in another tab', async () => {
  await using server = await startLocalApp({ AUTH: 'jwt', JWT_SECRET: SECRET });
  await using browser = await startChromium({});
  const other = await browser.newPage();
  // Of our own origin.
  for (const page of [browser, other]) await page.open(`${server.url}/`);
  const seen = () => browser.evaluate<string[]>('window.seen');

  assert.equal(await browser.evaluate(send('nobody')), 401);
  assert.equal(await browser.evaluate(begin(bearer(grant, { exp: nowS() + 5 }))), 204);
  assert.equal(await browser.evaluate('document.cookie'), '');
  await browser.evaluate(listen);
  await waitFor(async () => (await seen()).includes('$sync fresh'), { what: 'the stream' });
  assert.equal(await other.evaluate(send('first')), 204);
  await waitFor(async () => (await seen()).includes('$auth expired'), { what: 'its end' });
  assert.equal(await other.evaluate(send('without')), 401);

  assert.equal(await other.evaluate(begin(bearer(grant))), 204);
  assert.equal(await other.evaluate(send('second')), 204);
  await waitFor(async () => (await seen()).includes('second'), { timeoutMs: BACK_MS, what: 'it to come back' });
  assert.equal(await other.evaluate(send('third')), 204);
  await waitFor(async () => (await seen()).includes('third'), { what: 'what comes then' });
  const all = await seen();
  assert.deepEqual(
    all.filter((each) => !each.startsWith('$auth unauthenticated')),
    ['$sync fresh', 'first', '$auth expiring', '$auth expired', '$sync resumed', 'second', 'third'].filter(
      (each) => each !== '$auth expiring' || all.includes(each),
    ),
  );

  assert.equal(await other.evaluate(`fetch('/session', { method: 'DELETE' }).then(({ status }) => status)`), 204);
  await waitFor(async () => (await seen()).at(-1) === '$auth revoked', { what: 'the end' });
  assert.equal(await browser.evaluate(send('fourth')), 401);
});
