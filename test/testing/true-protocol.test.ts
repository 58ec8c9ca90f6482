/** What the fake server answers is what the true one answers, to every kind of request that the client library makes. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createSseParser } from '../../src/client/sse.ts';
import { createFakeServer } from '../../src/testing/testing.ts';
import { type LocalApp, startLocalApp } from '../support/app.ts';
import { waitFor } from '../support/wait.ts';

type Ask = (path: string, init?: RequestInit) => Promise<Response>;

const WITH = 'with=from,seq,at';
const post = (path: string, body: string | Uint8Array<ArrayBuffer>): [string, RequestInit] => [
  path,
  { method: 'POST', body },
];

/** In this order; those of changes are answered before the next is sent. */
const changes: readonly [string, RequestInit][] = [
  post('/c/demo?from=al.b1&seq=1', 'x'),
  post('/c/demo?from=al.b1&seq=1', 'x'),
  post('/c/demo?from=al.b1&seq=2&batch=1', '"y"\n"line\\nline"\n'),
  post('/c/demo?from=al.b1&seq=3', 'a repeat of a part'),
  post('/c/demo?from=al.b1&seq=9', Buffer.from([255, 0])),
  post('/c/demo?from=al.b1&seq=8', 'too late'),
  post('/c/demo', 'by hand'),
  post('/c/tally-demo?from=bob.b2&seq=1', 'yes'),
  post('/c/tally-demo?from=bob.b2&seq=2', Buffer.from([255])),
  post('/c/tally-demo?from=bob.b2&seq=3', 'yes'),
  post('/c/demo?from=al.b1&seq=0', 'x'),
  post('/c/demo?from=nobody&seq=1', 'x'),
  post('/c/demo?seq=1', 'x'),
  post('/c/demo?from=al.b1&seq=10', ''),
  post('/c/demo?from=al.b1&seq=10', 'x'.repeat(1_025)),
  post('/c/-demo?from=al.b1&seq=10', 'x'),
];

/** A cursor that was told takes the place of `CURSOR`. */
const streams = [
  `/c/demo/events?${WITH}`,
  `/c/demo/events?${WITH}&since=earliest`,
  `/c/demo/events?${WITH}&since=CURSOR`,
  `/c/demo/events?${WITH}&since=zzzzzz.1`,
  `/c/tally-demo/events?${WITH}&snapshot=1`,
  `/c/tally-demo/events?${WITH}&since=zzzzzz.1`,
  `/c/demo,tally-demo/events?${WITH}&cursors=joined`,
  `/c/demo,tally-demo/events?${WITH}&cursors=joined&since=CURSOR`,
  `/c/demo,tally-demo/events?${WITH}&cursors=joined&since=zzzzzz.1`,
];
const reads = ['/c/demo/history?limit=2', '/c/demo/history?since=CURSOR', '/c/tally-demo/state', '/c/demo/state'];

/** Epochs, times and random waits are of the one server or the other. */
function plain(text: string): string {
  return text
    .replaceAll(/\b[0-9a-z]{6}\.([0-9a-z]+)\b/g, 'epoch.$1')
    .replaceAll(/"at":\d+/g, '"at":0')
    .replaceAll(/retry: \d+/g, 'retry: 0');
}

/** The frames that come at once, the last of which is told by the heads in the first. */
async function framesOf(ask: Ask, path: string): Promise<unknown[]> {
  const ending = new AbortController();
  const { body } = await ask(path, { signal: ending.signal, headers: { accept: 'text/event-stream' } });
  const parser = createSseParser();
  const decoder = new TextDecoder();
  const frames: { event: string; data: string; id: string }[] = [];
  const isAll = () => {
    const [sync] = frames;
    if (sync === undefined) return false;
    const { channels } = JSON.parse(sync.data) as { channels: Record<string, { status: string; head: number }> };
    const last = frames
      .at(-1)!
      .id.split('~')
      .map((each) => Number.parseInt(each.split('.')[1]!, 36));
    return Object.keys(channels).every((name, i) => last[i] === channels[name]!.head);
  };
  const reader = body!.getReader();
  while (!isAll()) {
    const { value } = await reader.read();
    for (const { event, data, id } of parser.push(decoder.decode(value, { stream: true })))
      frames.push({ event, data, id });
  }
  // A snapshot may have the same id as what is before it.
  ending.abort();
  return frames.map(({ event, data, id }) => ({ event, id: plain(id), data: JSON.parse(plain(data)) as unknown }));
}

describe('the fake server and the true one', () => {
  let app: LocalApp;
  const fake = createFakeServer({ reducers: { 'tally-*': 'tally' } });
  const servers: Ask[] = [];
  before(async () => {
    app = await startLocalApp({ REDUCERS: 'tally-*=tally,*=log' });
    servers.push(
      (path, init) => fetch(app.url + path, init),
      (path, init) => fake.options.fetch(fake.url + path, init),
    );
  });
  after(() => app?.[Symbol.asyncDispose]());

  async function both<T>(of: (ask: Ask) => Promise<T>, what: string): Promise<T> {
    const [real, faked] = [await of(servers[0]!), await of(servers[1]!)];
    assert.deepEqual(faked, real, what);
    return real;
  }

  const heads = async (ask: Ask) => {
    const all = await Promise.all(['demo', 'tally-demo'].map((name) => ask(`/c/${name}/history`)));
    return Promise.all(all.map(async (each) => ((await each.json()) as { events: unknown[] }).events.length));
  };

  it('answer changes alike, and merge the same of them', async () => {
    for (const [path, init] of changes) {
      const status = await both(async (ask) => {
        const answer = await ask(path, init);
        const { code } = answer.status === 204 ? { code: '' } : ((await answer.json()) as { code: string });
        return `${answer.status} ${code}`;
      }, `${path} ${init.body}`);
      assert.notEqual(status, '204 204');
    }
    await waitFor(async () => (await heads(servers[0]!)).join() === '5,3', { what: 'all to be merged' });
    assert.deepEqual(await heads(servers[1]!), [5, 3]);
  });

  it('tell streams the same', async () => {
    for (const path of streams) {
      const frames = await both(async (ask) => {
        const { events } = (await (await ask('/c/demo/history')).json()) as { events: { id: string }[] };
        return framesOf(ask, path.replace('CURSOR', events[1]!.id));
      }, path);
      assert.ok(frames.length > 0);
    }
  });

  it('tell states and histories the same', async () => {
    for (const path of reads) {
      await both(async (ask) => {
        const { events } = (await (await ask('/c/demo/history')).json()) as { events: { id: string }[] };
        const answer = await ask(path.replace('CURSOR', events[1]!.id));
        return JSON.parse(plain(await answer.text())) as unknown;
      }, path);
    }
  });
});
