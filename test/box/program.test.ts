/** The program with a directory, as its operator and its clients see it. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { makeFolder } from '../support/folder.ts';
import { request } from '../support/http.ts';
import { runServer, startServer } from '../support/process.ts';
import { makeSmallDisk } from '../support/small-disk.ts';
import { openSse } from '../support/sse.ts';
import { waitFor } from '../support/wait.ts';

it('a second process on a directory ends at once and names the first', async () => {
  using folder = makeFolder();
  await using first = await startServer({ env: { DATA_DIR: folder.path } });
  const { code, stderr, stdout } = await runServer({ DATA_DIR: folder.path });
  assert.notEqual(code, 0);
  assert.match(stdout + stderr, new RegExp(`DATA_DIR ${folder.path} is in use by process ${first.pid} on `));
  assert.equal((await request(first.url, '/c/room', { method: 'POST', body: 'x' })).status, 204);
});

it('keeps every event, and hands it to who comes back, however little of it a history has', async () => {
  using folder = makeFolder();
  const env = { DATA_DIR: folder.path, HISTORY_MAX_EVENTS: '10', DRAIN_MS: '200', MAX_POSTS_PER_S_PER_ADDRESS: '0' };
  const first = await startServer({ env });
  const since = async (url: string, words: string) => {
    const { body } = await request(url, `/c/room/history?limit=500&since=${words}`);
    const { events } = JSON.parse(body.toString()) as { events: { id: string; data: string }[] };
    return events;
  };
  for (let i = 1; i <= 60; i++) await request(first.url, '/c/room', { method: 'POST', body: `${i}` });
  const all = await waitFor(
    async () => {
      const events = await since(first.url, 'earliest');
      return events.length === 60 ? events : undefined;
    },
    { what: 'all of them' },
  );
  assert.deepEqual(
    all.map(({ data }) => data),
    Array.from({ length: 60 }, (_, i) => `${i + 1}`),
  );
  await first.kill9();
  await using again = await startServer({ env });
  const headers = { 'last-event-id': all[2]!.id };
  await using reader = await openSse(`${again.url}/c/room/events`, { headers });
  await waitFor(() => reader.frames.filter(({ event }) => event === 'message').length >= 57, { what: 'the others' });
  assert.match(reader.frames[0]!.data!, /"status":"resumed"/);
  assert.deepEqual(
    reader.frames.filter(({ event }) => event === 'message').map(({ data }) => data),
    Array.from({ length: 57 }, (_, i) => `${i + 4}`),
  );
});

it('a directory and a Redis are two places for one thing', async () => {
  const { code, stderr, stdout } = await runServer({ DATA_DIR: '/nowhere', REDIS_URL: 'redis://127.0.0.1:1' });
  assert.equal(code, 2);
  assert.match(stdout + stderr, /DATA_DIR and REDIS_URL must not both be set/);
});

it('a disk that is full: POSTs are told to come again, streams stay, and all goes on when there is room', async () => {
  using disk = makeSmallDisk('size=3m');
  const env = { DATA_DIR: disk.path, MAX_CHANGE_BYTES: '100000', MAX_POSTS_PER_S_PER_ADDRESS: '0', DRAIN_MS: '200' };
  await using server = await startServer({ env });
  await using reader = await openSse(`${server.url}/c/room/events`);
  let accepted = 0;
  const post = async (body: string) => {
    const answer = await request(server.url, '/c/room', { method: 'POST', body });
    if (answer.status === 204) accepted++;
    return answer;
  };
  const refused = await waitFor(
    async () => {
      const answer = await post('x'.repeat(50_000));
      return answer.status === 204 ? undefined : answer;
    },
    { what: 'the disk to be full', everyMs: 1 },
  );
  assert.equal(refused.status, 503);
  assert.equal(refused.json().code, 'engine_unavailable');
  assert.ok(!reader.isEnded);
  disk.remount('size=30m');
  await waitFor(async () => (await post('again')).status === 204, { what: 'a change to be taken again' });
  const messages = () => reader.frames.filter(({ event, data }) => event === 'message' && data !== undefined);
  await waitFor(() => messages().length >= accepted, { what: 'all that was accepted' });
  assert.deepEqual([messages().length, messages().at(-1)!.data], [accepted, 'again']);
  assert.ok(!reader.isEnded);
});
