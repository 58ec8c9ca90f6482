/**
 * The whole program with an archive: who comes back after a long time is given what is not kept any more, in one cursor space with what
 * is and with what comes; and while the archive is away everything else goes on.
 */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { type LocalApp, startLocalApp } from '../support/app.ts';
import { request } from '../support/http.ts';
import { startPostgres } from '../support/postgres-server.ts';
import { startRedis } from '../support/redis-server.ts';
import { type Frame, openSse } from '../support/sse.ts';
import { waitFor } from '../support/wait.ts';

const postgres = await startPostgres();
after(() => postgres.stop());
const redis = await startRedis();
after(() => redis.stop());

const KEPT = 10;

function startWith(env: Readonly<Record<string, string>> = {}): Promise<LocalApp> {
  return startLocalApp({
    DATABASE_URL: postgres.url,
    ARCHIVE_SCHEMA: postgres.newSchema(),
    ARCHIVE_MIGRATE: '1',
    HISTORY_MAX_EVENTS: `${KEPT}`,
    SHARDS: '2',
    ...env,
  });
}

async function post(app: LocalApp, text: string, channel = 'room'): Promise<void> {
  const { status } = await request(app.url, `/c/${channel}`, { method: 'POST', body: text });
  assert.equal(status, 204);
}

async function postAll(app: LocalApp, first: number, last: number): Promise<void> {
  for (let i = first; i <= last; i++) await post(app, `${i}`);
}

async function metric(app: LocalApp, name: string): Promise<number> {
  const { body } = await request(app.url, '/metrics');
  return Number(new RegExp(`^smallchange_${name} (\\S+)$`, 'm').exec(body.toString())?.[1]);
}

/** Nothing is trimmed before it is archived from then on. */
function begun(app: LocalApp): Promise<unknown> {
  return waitFor(async () => (await metric(app, 'archived_shards')) === 2, { what: 'the archiver to have its shards' });
}

function archived(app: LocalApp, count: number): Promise<unknown> {
  return waitFor(async () => (await metric(app, 'events_archived_total')) >= count, {
    what: `${count} to be archived`,
  });
}

interface Page {
  readonly cursor: string;
  readonly status: string;
  readonly more: boolean;
  readonly events: readonly { readonly id: string; readonly data: string; readonly at: number }[];
}

async function pageOf(app: LocalApp, path: string): Promise<Page> {
  const answer = await request(app.url, path);
  assert.equal(answer.status, 200, answer.body.toString());
  return answer.json<Page>();
}

/** All pages, from where `since` says. */
async function history(app: LocalApp, since: string, more = ''): Promise<string[]> {
  const texts: string[] = [];
  const pageFrom = (begin: string) => pageOf(app, `/c/room/history?since=${begin}${more}`);
  let page = await pageFrom(since);
  for (;;) {
    texts.push(...page.events.map(({ data }) => data));
    if (!page.more) return texts;
    page = await pageFrom(page.cursor);
  }
}

const numbers = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, i) => `${first + i}`);
const isData = ({ event, data }: Frame) => event === 'message' && data !== undefined;
const syncOf = (frame: Frame) => JSON.parse(frame.data!).channels.room;

async function cursorAt(app: LocalApp, text: string): Promise<string> {
  const { events } = await pageOf(app, '/c/room/history?since=earliest&limit=500');
  return events.find(({ data }) => data === text)!.id;
}

for (const [name, env] of [
  ['in memory', {}],
  ['on Redis', { REDIS_URL: redis.url, REDIS_PREFIX: `deep-${process.pid}` }],
] as const) {
  describe(`an archive, the rest ${name}`, () => {
    it('gives to who comes back what is not kept any more, and then what comes', async () => {
      await using app = await startWith(env);
      await begun(app);
      await postAll(app, 1, 300);
      await archived(app, 300);
      await waitFor(async () => (await history(app, '')).length <= 2 * KEPT, {
        what: 'the history to be trimmed',
      });
      const cursor = await cursorAt(app, '5');

      await using stream = await openSse(`${app.url}/c/room/events`, { headers: { 'Last-Event-ID': cursor } });
      const sync = await stream.next(({ event }) => event === '$sync');
      assert.deepEqual([syncOf(sync).status, syncOf(sync).missed, syncOf(sync).oldest], ['resumed', 295, 1]);
      await postAll(app, 301, 320);
      const texts: string[] = [];
      while (texts.length < 315) texts.push((await stream.next(isData)).data!);
      assert.deepEqual(texts, numbers(6, 320));

      const poll = await pageOf(app, `/c/room/events?format=json&since=${cursor}`);
      assert.equal(poll.status, 'resumed');
      assert.deepEqual(
        poll.events.map(({ data }) => data),
        numbers(6, 320),
      );
    });
  });
}

describe('/history', () => {
  it('reaches as deep as the archive, from a cursor, a duration or a date, and up to one', async () => {
    await using app = await startWith();
    await begun(app);
    await postAll(app, 1, 200);
    await archived(app, 200);
    assert.deepEqual(await history(app, 'earliest', '&limit=7'), numbers(1, 200));
    assert.deepEqual(await history(app, '1h', '&limit=150'), numbers(1, 200));
    const { events } = await pageOf(app, '/c/room/history?since=earliest');
    const [from, until] = [events[39]!, events[59]!];
    assert.deepEqual(await history(app, from.id, `&until=${until.id}`), numbers(41, 60));
    const date = (at: number) => encodeURIComponent(new Date(at).toISOString());
    const since = events.findIndex(({ at }) => at >= from.at);
    const end = events.findIndex(({ at }) => at >= until.at);
    assert.deepEqual(await history(app, date(from.at), `&until=${date(until.at)}`), numbers(since + 1, end));
    assert.deepEqual(await history(app, 'earliest', '&until=1h'), []);
    assert.deepEqual(await history(app, '2000-01-01T00:00:00%2B01:00'), numbers(1, 200));
    assert.deepEqual(await history(app, date(Date.now() + 3_600_000)), []);
    for (const wrong of ['yesterday', 'earliest', '2026-13-01T00:00:00Z', 'other.1']) {
      const { status, body } = await request(app.url, `/c/room/history?until=${wrong}`);
      assert.equal(status, 400, wrong);
      assert.match(body.toString(), /until is a cursor of this channel, a duration such as 10m, or a date of RFC 3339/);
    }
  });
});

describe('who missed more than REPLAY_MAX_EVENTS', () => {
  it('is told reset, and may page through the history', async () => {
    await using app = await startWith({ REPLAY_MAX_EVENTS: '50' });
    await begun(app);
    await postAll(app, 1, 100);
    await archived(app, 100);
    const [near, far] = [await cursorAt(app, '50'), await cursorAt(app, '49')];
    assert.equal((await pageOf(app, `/c/room/events?format=json&since=${near}`)).status, 'resumed');
    assert.equal((await pageOf(app, `/c/room/events?format=json&since=${far}`)).status, 'reset');
    assert.deepEqual(await history(app, far), numbers(50, 100));
  });
});

describe('an archive that goes away', () => {
  it('takes nothing from who does not need it, and is named to who does', async () => {
    await using app = await startWith({ REDIS_URL: redis.url, REDIS_PREFIX: `away-${process.pid}` });
    await begun(app);
    await postAll(app, 1, 50);
    await archived(app, 50);
    const [deep, near] = [await cursorAt(app, '7'), await cursorAt(app, '47')];
    await using live = await openSse(`${app.url}/c/room/events`);
    await live.next(({ event }) => event === '$sync');
    await postgres.crash();

    await postAll(app, 51, 60);
    const seen: string[] = [];
    while (seen.length < 10) seen.push((await live.next(isData)).data!);
    assert.deepEqual(seen, numbers(51, 60));
    assert.equal((await pageOf(app, `/c/room/events?format=json&since=${near}`)).status, 'resumed');
    await using stream = await openSse(`${app.url}/c/room/events`, { headers: { 'Last-Event-ID': deep } });
    const sync = syncOf(await stream.next(({ event }) => event === '$sync'));
    assert.deepEqual([sync.status, sync.reason], ['reset', 'archive_away']);

    await postgres.restart();
    await archived(app, 60);
    await waitFor(async () => (await pageOf(app, `/c/room/events?format=json&since=${deep}`)).status === 'resumed', {
      what: 'the archive to be asked again',
    });
    assert.deepEqual(await history(app, deep), numbers(8, 60));
  });

  it('lets a process start, which archives once it is there', async () => {
    await postgres.crash();
    await using app = await startWith();
    await post(app, '1');
    await postgres.restart();
    await archived(app, 1);
    assert.ok(app.logged.some(({ msg }) => msg === 'the archive cannot be reached: events are kept until it can'));
  });

  it('refuses changes once too much waits for it, and takes them again when it is back', async () => {
    await using app = await startWith({ ARCHIVE_BACKLOG_MAX_BYTES: '65536', MAX_CHANGE_BYTES: '10000' });
    await begun(app);
    await postgres.crash();
    const large = 'x'.repeat(10_000);
    const statusOf = async () => (await request(app.url, '/c/room', { method: 'POST', body: large })).status;
    let accepted = 0;
    while ((await statusOf()) === 204) assert.ok(++accepted < 100, 'it takes more than it may');
    assert.ok(accepted >= 7, `${accepted}`);
    await postgres.restart();
    await waitFor(async () => (await statusOf()) === 204, { what: 'changes to be taken again' });
  });
});

describe('an archive that cannot be used', () => {
  it('ends the start with a sentence', async () => {
    await assert.rejects(startWith({ ARCHIVE_MIGRATE: '0' }), /the archive lacks 001-logs\.sql/);
  });
});
