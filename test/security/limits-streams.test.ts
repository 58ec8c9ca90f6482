/**
 * How many streams one may have: by `sub` and by address, polls that wait included. Who may not have one more is told so in a way that he
 * survives, nobody else notices, and when one has ended there is room again.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type LocalApp, startLocalApp } from '../support/app.ts';
import { ask } from '../support/ask.ts';
import { assertTooMany, reading } from '../support/limits.ts';
import { openSse, type SseReader } from '../support/sse.ts';
import { bearer, SECRET } from '../support/tokens.ts';
import { waitFor } from '../support/wait.ts';

const PER_SUB = 3;
const PER_ADDRESS = 5;
const EVENT_SOURCE = { accept: 'text/event-stream' };
const granted = { publish: ['*'], subscribe: ['*'] };

type Fields = Record<string, string>;
const of = (sub: string): Fields => ({ authorization: bearer(granted, { sub }) });
const at = (address: string): Fields => ({ 'x-forwarded-for': address });
const lines = (fields: Fields) =>
  Object.entries(fields)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');

describe('streams', { concurrency: 8 }, () => {
  let server: LocalApp;
  before(async () => {
    server = await startLocalApp({
      ...{ AUTH: 'jwt', JWT_SECRET: SECRET, AUTH_ANONYMOUS: '{"subscribe":["public.*"]}', TRUST_PROXY: '127.0.0.1' },
      ...{ MAX_STREAMS_PER_SUB: String(PER_SUB), MAX_STREAMS_PER_ADDRESS: String(PER_ADDRESS) },
    });
  });
  after(() => server[Symbol.asyncDispose]());

  const stream = (fields: Fields, path = '/c/a/events') => openSse(`${server.url}${path}`, { headers: fields });
  const told = (fields: Fields, path = '/c/a/events') => ask(server.port, reading(path, lines(fields)));

  /** So many streams, each with its first frame. */
  async function open(count: number, fields: (i: number) => Fields): Promise<SseReader[]> {
    const streams = await Promise.all(Array.from({ length: count }, (_, i) => stream(fields(i))));
    for (const each of streams) {
      assert.equal(each.status, 200);
      assert.equal((await each.next()).event, '$sync');
    }
    return streams;
  }

  /** At each door that holds a connection. */
  async function assertFull(fields: Fields): Promise<void> {
    for (const [path, more] of [
      ['/c/a/events', {}],
      ['/c/a/events?format=ndjson', {}],
      ['/c/a/events?strict=1', EVENT_SOURCE],
      ['/c/a/events?conflate=50ms&snapshot=1', {}],
      ['/c/a,b/events?since=earliest', {}],
      ['/c/a/events?format=json&wait=5', {}],
    ] as const) {
      assertTooMany(await told({ ...fields, ...more }, path), 'too_many_streams');
    }
    for (const more of [EVENT_SOURCE, { accept: '*/*', 'x-event-source': '1' }]) {
      const answer = await told({ ...fields, ...more });
      assert.match(answer, /^HTTP\/1\.1 200 /);
      assert.match(answer, /^content-type: text\/event-stream\r$/im);
      assert.match(answer, /^x-limited: 429\r$/im);
      assert.match(answer, /retry: ([5-9]|1[0-5])\d{3}\nevent: \$overloaded\ndata: \{"reason":"streams"\}\n\n/);
    }
    // What holds none is not limited.
    for (const path of ['/c/a/events?format=json', '/c/a/state', '/c/a/history']) {
      assert.match(await told(fields, path), /^HTTP\/1\.1 200 /, path);
    }
  }

  it('of one sub are so many; they stay, and one that ends is room for another', async () => {
    const mine = (i: number) => ({ ...of('alice'), ...at(`192.0.2.${i}`) });
    const streams = await open(PER_SUB, mine);
    await assertFull(mine(9));
    for (const each of streams) assert.equal(each.isEnded, false, 'two tabs replace nobody');
    const [bob] = await open(1, () => ({ ...of('bob'), ...at('192.0.2.1') }));
    streams.pop()!.close();
    const again = await waitFor(
      async () => {
        const next = await stream(mine(9));
        if (next.status === 200) return next;
        next.close();
        return null;
      },
      { what: 'room' },
    );
    await assertFull(mine(9));
    for (const each of [...streams, bob!, again]) each.close();
  });

  it('of one address are so many, whoever they are', async () => {
    const mine = (i: number) => ({ ...(i % 2 === 0 ? {} : of(`u${i}`)), ...at('198.51.100.1') });
    const streams = await Promise.all(
      Array.from({ length: PER_ADDRESS }, (_, i) => stream(mine(i), '/c/public.a/events')),
    );
    for (const each of streams) assert.equal((await each.next()).event, '$sync');
    await assertFull({ ...of('u9'), ...at('198.51.100.1') });
    const answer = await told(at('198.51.100.1'), '/c/public.a/events');
    assertTooMany(answer, 'too_many_streams');
    const [other] = await open(1, () => ({ ...of('u1'), ...at('198.51.100.2') }));
    for (const each of [...streams, other!]) each.close();
  });

  for (const [what, addressOf] of [
    ['of one /64', (i: number) => `2001:db8:7:7:${i + 1}::1`],
    ['of one address in two ways of writing', (i: number) => (i % 2 === 0 ? '203.0.113.7' : '::ffff:203.0.113.7')],
    ['of whom proxies in a row tell', (i: number) => `6.6.6.${i}, 203.0.113.8, 127.0.0.1`],
  ] as const) {
    it(`${what} are those of one address`, async () => {
      const mine = (i: number) => ({ ...of(`${what.length}-${i}`), ...at(addressOf(i)) });
      const streams = await open(PER_ADDRESS, mine);
      await assertFull(mine(9));
      for (const each of streams) each.close();
    });
  }

  it('polls that wait count as well, for as long as they wait', async () => {
    const mine = { ...of('carol'), ...at('192.0.2.77') };
    const ending = new AbortController();
    const waiting = Array.from({ length: PER_SUB }, () =>
      fetch(`${server.url}/c/quiet/events?format=json&wait=20`, { headers: mine, signal: ending.signal }).catch(
        () => null,
      ),
    );
    await waitFor(async () => (await told(mine, '/c/a/events?strict=1')).includes(' 429 '), { what: 'all to wait' });
    await assertFull(mine);
    ending.abort();
    await Promise.all(waiting);
    await waitFor(async () => (await told(mine)).includes('$sync'), { what: 'room' });
  });

  it('that are never opened, or whose client leaves at once, leave room', async () => {
    const mine = { ...of('dave'), ...at('192.0.2.88') };
    await Promise.all(
      Array.from({ length: 60 }, async (_, i) => {
        const ending = new AbortController();
        const asked = fetch(`${server.url}/c/a/events`, { headers: mine, signal: ending.signal }).catch(() => null);
        if (i % 2 === 0) setImmediate(() => ending.abort());
        else void asked.then(() => ending.abort());
        await asked;
      }),
    );
    let streams: SseReader[] = [];
    await waitFor(
      async () => {
        streams = await Promise.all(Array.from({ length: PER_SUB }, () => stream(mine)));
        const isRoom = streams.every(({ status }) => status === 200);
        if (!isRoom) for (const each of streams) each.close();
        return isRoom;
      },
      { what: 'room for all', everyMs: 50 },
    );
    for (const each of streams) each.close();
  });

  it('of this machine itself are not counted by address', async () => {
    const streams = await open(PER_ADDRESS + 1, (i) => of(`local${i}`));
    for (const each of streams) each.close();
  });

  it('are of at most 16 channels', async () => {
    const path = `/c/${Array.from({ length: 17 }, (_, i) => `c${i}`).join()}/events`;
    assert.match(await told(of('erin'), path), /^HTTP\/1\.1 400 .*"code":"too_many_channels"/s);
  });

  it('that are refused are counted', async () => {
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    assert.match(metrics, /^smallchange_limited_total\{limit="streams_per_sub"\} \d/m);
    assert.match(metrics, /^smallchange_limited_total\{limit="streams_per_address"\} \d/m);
  });
});
