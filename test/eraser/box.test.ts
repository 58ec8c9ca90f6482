/** Erasing on the disk of a single box: of a publisher with 10,000 events no byte is left in any of its files, also after a restart. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import Libsql from 'libsql';
import { startLocalApp } from '../support/app.ts';
import { makeFolder } from '../support/folder.ts';
import { Listening } from '../support/listening.ts';
import { waitFor } from '../support/wait.ts';
import {
  ADMIN_KEY,
  assertContiguous,
  assertNowhere,
  erase,
  historyOf,
  merged,
  SECRET,
  secrets,
  send,
  stateOf,
} from './kit.ts';

const EVENTS = 10_000;

function occurrences(dir: string): number {
  let found = 0;
  for (const name of readdirSync(dir)) {
    const bytes = readFileSync(join(dir, name));
    for (let at = bytes.indexOf(SECRET); at !== -1; at = bytes.indexOf(SECRET, at + 1)) found++;
  }
  return found;
}

for (const deep of [true, false]) {
  it(`a box that keeps ${deep ? 'all events' : 'its histories alone'}`, async () => {
    using folder = makeFolder();
    const env = {
      ADMIN_KEY,
      DATA_DIR: folder.path,
      REDUCERS: 'latest=latest,tally=tally',
      HISTORY_MAX_EVENTS: deep ? '500' : '20000',
    };
    await using app = await startLocalApp(env);
    const { url } = app;
    for (let round = 0; round < 10; round++) {
      await send(url, 'log', 'alice.1', secrets(EVENTS / 20), 1 + (round * EVENTS) / 20);
      await send(url, 'log', `bob.${round}`, ['hello']);
    }
    await send(url, 'tally', 'alice.1', secrets(EVENTS / 4));
    await send(url, 'latest', 'alice.1', secrets(EVENTS / 4));
    for (const channel of ['tally', 'latest']) await send(url, channel, 'bob.1', ['hello', `hello`]);
    const before = await merged(url, 'log', EVENTS / 2 + 10);
    for (const channel of ['tally', 'latest']) await merged(url, channel, EVENTS / 4 + 2);
    assert.ok(occurrences(folder.path) >= EVENTS / 2);
    const stream = await Listening.open(`${url}/c/log/events`, { accept: 'text/event-stream' });

    const told = await erase(url, 'alice');
    assert.deepEqual([told.events, told.channels], [EVENTS, 3]);
    for (const name of readdirSync(folder.path)) assertNowhere(name, readFileSync(join(folder.path, name)));

    async function assertLeft(at: string): Promise<void> {
      const after = await historyOf(at, 'log');
      assertContiguous(after);
      assert.deepEqual(
        after.slice(0, before.length).map(({ id }) => id),
        before.map(({ id }) => id),
      );
      assert.deepEqual(
        after.flatMap(({ data, erased }) => (erased ? [] : [data])),
        Array.from({ length: 10 }, () => 'hello'),
      );
      assert.deepEqual((await stateOf(at, 'latest')).state, { bob: 'hello' });
      assert.deepEqual((await stateOf(at, 'tally')).state, { hello: '2' });
    }
    await assertLeft(url);
    await send(url, 'log', 'carol.1', ['afterwards']);
    await waitFor(() => stream.text.includes('afterwards'), { what: 'what follows' });
    assert.doesNotMatch(stream.text, /reset|resumed/);
    stream.leave();
    assert.deepEqual(await erase(url, 'alice'), { name: 'alice', events: 0, channels: 0, fields: 0 });
    assert.deepEqual((await erase(url, 'carol')).events, 1);
    await app.app.stop(0);
    await using again = await startLocalApp(env);
    await assertLeft(again.url);
    await again.app.stop(0);
    assert.equal(occurrences(folder.path), 0);
  });
}

it('a directory of the version before', async () => {
  using folder = makeFolder();
  const env = { ADMIN_KEY, DATA_DIR: folder.path };
  await using app = await startLocalApp(env);
  await send(app.url, 'log', 'alice.1', secrets(10));
  const before = await merged(app.url, 'log', 10);
  await app.app.stop(0);
  const db = new Libsql(join(folder.path, 'smallchange.db'));
  db.exec('ALTER TABLE channels DROP COLUMN erased; DROP TABLE counted; PRAGMA user_version = 1');
  db.close();
  await using again = await startLocalApp(env);
  assert.deepEqual(await historyOf(again.url, 'log'), before);
  assert.equal((await erase(again.url, 'alice')).events, 10);
  await again.app.stop(0);
  assert.equal(occurrences(folder.path), 0);
});

it('a box that is sent to meanwhile: its streams are contiguous and not reset, and in the end nothing is left', async () => {
  using folder = makeFolder();
  const env = { ADMIN_KEY, DATA_DIR: folder.path, REDUCERS: 'tally=tally', HISTORY_MAX_EVENTS: '200' };
  await using app = await startLocalApp(env);
  const { url } = app;
  const stream = await Listening.open(`${url}/c/log/events`, { accept: 'text/event-stream' });
  const isOver = { now: false };
  const publish = async (from: string, text: string) => {
    const texts = Array.from({ length: 10 }, () => text);
    for (let seq = 1; !isOver.now; seq += 10)
      for (const channel of ['log', 'tally']) await send(url, channel, from, texts, seq);
  };
  const publishing = [publish('alice.1', SECRET), publish('bob.1', 'hello')];
  let found = 0;
  for (let i = 0; i < 6; i++) found += (await erase(url, 'alice')).events;
  isOver.now = true;
  await Promise.all(publishing);
  await send(url, 'log', 'carol.1', ['afterwards']);
  await waitFor(() => stream.text.includes('afterwards'), { what: 'all to be merged' });
  found += (await erase(url, 'alice')).events;
  assert.ok(found > 0);
  assert.equal(occurrences(folder.path), 0);
  assert.deepEqual(Object.keys((await stateOf(url, 'tally')).state as object), ['hello']);
  assertContiguous(await historyOf(url, 'log'));
  assert.doesNotMatch(stream.text, /"status":"(reset|resumed)"/);
  assertContiguous([...stream.text.matchAll(/^id: (\S+)\n(?!event: \$sync)/gm)].map(([, id]) => ({ id: id! })));
  stream.leave();
});
