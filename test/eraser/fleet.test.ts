/**
 * Erasing in a fleet, with a real Redis and a real Postgres: of a publisher with 10,000 events nothing is left in any key, dump, table, state or history; and streams
 * at other servers go on, with their offsets and without a reset.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { startLocalApp } from '../support/app.ts';
import { injectEntry } from '../support/inject.ts';
import { Listening } from '../support/listening.ts';
import { startPostgres } from '../support/postgres-server.ts';
import { startRedis } from '../support/redis-server.ts';
import { waitFor } from '../support/wait.ts';
import {
  ADMIN_KEY,
  askToErase,
  assertContiguous,
  assertNowhere,
  erase,
  historyOf,
  merged,
  numbersOf,
  SECRET,
  secrets,
  send,
  stateOf,
} from './kit.ts';

const redis = await startRedis({ rdbcompression: 'no' });
const postgres = await startPostgres();
after(async () => {
  await redis.stop();
  await postgres.stop();
});

const SHARDS = '4';
const DEEP = 7_000;
const LATEST = 2_000;
const TALLY = 1_000;
const WAITING = 5;

async function contentOf(key: string): Promise<string> {
  const ask: Readonly<Record<string, readonly string[]>> = {
    hash: ['HGETALL', key],
    list: ['LRANGE', key, '0', '-1'],
    string: ['GET', key],
    zset: ['ZRANGE', key, '0', '-1'],
  };
  return redis.cli(...ask[await redis.cli('TYPE', key)]!);
}

async function keysOf(prefix: string): Promise<string[]> {
  return (await redis.cli('KEYS', `${prefix}:*`)).split('\n').filter((key) => key !== '');
}

async function rowsOf(schema: string): Promise<Map<string, string>> {
  const tables = await postgres.sql<{ name: string }>(
    `SELECT tablename AS name FROM pg_tables WHERE schemaname = '${schema}'`,
  );
  const rows = new Map<string, string>();
  for (const { name } of tables) {
    const each = await postgres.sql<{ row: string }>(`SELECT t::text AS row FROM ${schema}.${name} t`);
    rows.set(name, each.map(({ row }) => row).join('\n'));
  }
  return rows;
}

async function archivedUpTo(schema: string, channel: string): Promise<number> {
  const [row] = await postgres.sql<{ head: string }>(
    `SELECT head FROM ${schema}.logs WHERE channel = '${channel}' AND is_current`,
  );
  return Number(row?.head ?? 0);
}

function fleetEnv(prefix: string, schema: string, rest: Record<string, string> = {}) {
  return {
    ...{ ADMIN_KEY, REDIS_URL: redis.url, REDIS_PREFIX: prefix, SHARDS, REDUCERS: 'latest=latest,tally=tally' },
    ...{ DATABASE_URL: postgres.url, ARCHIVE_SCHEMA: schema, ARCHIVE_MIGRATE: '1', HISTORY_MAX_EVENTS: '1500' },
    ...rest,
  };
}

it('a publisher with 10,000 events, and nothing of it anywhere', async () => {
  const prefix = 'whole';
  const schema = postgres.newSchema();
  await using app = await startLocalApp(fleetEnv(prefix, schema, { ROLES: 'bucket,merger,gateway,archiver' }));
  await using other = await startLocalApp(fleetEnv(prefix, schema, { ROLES: 'gateway' }));
  const { url } = app;
  for (let i = 0; i < 10; i++) {
    await send(url, 'log', 'alice.1', secrets(DEEP / 10), 1 + (i * DEEP) / 10);
    await send(url, 'log', `bob.${i}`, ['hello']);
  }
  await send(url, 'latest', 'alice.1', secrets(LATEST));
  await send(url, 'tally', 'alice.1', secrets(TALLY));
  for (const channel of ['latest', 'tally', 'bobs']) await send(url, channel, 'bob.1', ['hello', 'hello']);
  const before = await merged(other.url, 'log', DEEP + 10);
  await merged(url, 'latest', LATEST + 2);
  await merged(url, 'tally', TALLY + 2);
  await waitFor(async () => (await archivedUpTo(schema, 'log')) >= numbersOf(before).at(-1)!, { what: 'the archive' });
  await injectEntry(redis.cli, prefix, 0, Buffer.from(`\xc1 alice.1 ${SECRET}`, 'latin1'));
  await waitFor(async () => (await keysOf(prefix)).some((key) => key.endsWith(':bad')), { what: 'it to be set aside' });
  assert.ok((await redis.cli('LRANGE', `${prefix}:{0}:bad`, '0', '-1')).includes(SECRET));
  const accept = { accept: 'text/event-stream' };
  const streams = [
    await Listening.open(`${other.url}/c/log/events`, accept),
    await Listening.open(`${other.url}/c/bobs/events`, accept),
    await Listening.open(`${url}/c/log,bobs/events`, accept),
  ];
  const deepest = `${other.url}/c/log/history?since=${before[0]!.id}&limit=5`;
  assert.ok((await (await fetch(deepest)).text()).includes(SECRET), 'it is in what a server keeps of the archive');

  const told = await erase(url, 'alice');
  assert.deepEqual(told, { name: 'alice', events: DEEP + LATEST + TALLY + 1, channels: 3, fields: TALLY + 1 });

  for (const key of await keysOf(prefix)) {
    const content = await contentOf(key);
    assertNowhere(key, Buffer.from(content));
    // Beside their last seqs nobody knows the name.
    if (!/:(d:\w+|dx)$/.test(key)) assert.ok(!content.includes('alice'), `${key} has the name`);
  }
  await redis.cli('SAVE');
  assertNowhere('the dump', readFileSync(join(redis.dir, 'dump.rdb')));
  for (const [table, rows] of await rowsOf(schema)) {
    assertNowhere(table, Buffer.from(rows));
    assertNowhere(table, Buffer.from(rows), Buffer.from(SECRET).toString('hex'));
    assert.ok(!rows.includes('alice') && !rows.includes(Buffer.from('alice').toString('hex')), `${table} has the name`);
  }
  for (const at of [url, other.url]) {
    const log = await historyOf(at, 'log');
    assertContiguous(log);
    assert.deepEqual(
      log.slice(0, before.length).map(({ id }) => id),
      before.map(({ id }) => id),
    );
    assertNowhere('the history', Buffer.from(JSON.stringify(log)));
    assert.equal(log.filter(({ data }) => data === 'hello').length, 10);
    assert.deepEqual((await stateOf(at, 'latest')).state, { bob: 'hello' });
    assert.deepEqual((await stateOf(at, 'tally')).state, { hello: '2' });
    for (const channel of ['log', 'latest', 'tally']) {
      const snapshot = await (await fetch(`${at}/c/${channel}/events?format=json&since=zzzzzz.1`)).text();
      assertNowhere(`the snapshot of ${channel}`, Buffer.from(snapshot));
    }
    assert.ok(!(await (await fetch(deepest)).text()).includes(SECRET));
  }
  for (const channel of ['log', 'bobs']) await send(url, channel, 'carol.1', ['afterwards']);
  for (const stream of streams) {
    await waitFor(() => stream.text.includes('afterwards'), { what: () => `what follows, in ${stream.text}` });
    assert.doesNotMatch(stream.text, /"status":"(reset|resumed)"/);
    stream.leave();
  }
  const again = await erase(url, 'alice');
  assert.deepEqual(again, { name: 'alice', events: 0, channels: 0, fields: 0 });
  await send(url, 'log', 'alice.1', secrets(WAITING), DEEP - WAITING + 1);
  await send(url, 'log', 'alice.1', ['new'], DEEP + 1);
  await waitFor(async () => (await historyOf(url, 'log')).at(-1)!.data === 'new', { what: 'what is new' });
  assertNowhere('the history', Buffer.from(JSON.stringify(await historyOf(url, 'log'))));
});

it('while it is sent to, merged and archived: streams are contiguous and not reset, and then nothing is left', async () => {
  const prefix = 'busy';
  const schema = postgres.newSchema();
  await using app = await startLocalApp(fleetEnv(prefix, schema, { HISTORY_MAX_EVENTS: '300' }));
  await using other = await startLocalApp(
    fleetEnv(prefix, schema, { ROLES: 'merger,gateway', HISTORY_MAX_EVENTS: '300' }),
  );
  const { url } = app;
  const channels = ['log', 'latest', 'tally', 'log-2'];
  const stream = await Listening.open(`${other.url}/c/${channels.join()}/events?with=from&cursors=joined`, {
    accept: 'text/event-stream',
  });
  const isOver = { now: false };
  const publish = async (from: string, text: string) => {
    for (let seq = 1; !isOver.now; seq += 10) {
      for (const channel of channels)
        await send(
          url,
          channel,
          from,
          Array.from({ length: 10 }, () => text),
          seq,
        );
    }
  };
  const publishing = [publish('alice.1', SECRET), publish('bob.1', 'hello')];
  let found = 0;
  for (let i = 0; i < 8; i++) found += (await erase(i % 2 === 0 ? url : other.url, 'alice')).events;
  isOver.now = true;
  await Promise.all(publishing);
  for (let shard = 0; shard < Number(SHARDS); shard++) {
    const waits = () => redis.cli('LLEN', `${prefix}:{${shard}}:inbox`);
    await waitFor(async () => (await waits()) === '0', { what: 'all to be merged' });
  }
  found += (await erase(url, 'alice')).events;
  assert.ok(found > 0);
  for (let shard = 0; shard < Number(SHARDS); shard++) {
    const waits = () => redis.cli('HGET', `${prefix}:{${shard}}:shard`, 'unarchived');
    await waitFor(async () => !(await waits()), { what: 'the archive' });
  }
  for (const key of await keysOf(prefix)) assertNowhere(key, Buffer.from(await contentOf(key)));
  for (const [table, rows] of await rowsOf(schema)) {
    assertNowhere(table, Buffer.from(rows), Buffer.from(SECRET).toString('hex'));
  }
  for (const channel of channels) {
    const log = await historyOf(other.url, channel);
    assertContiguous(log);
    assertNowhere(channel, Buffer.from(JSON.stringify(log)));
    const { state } = await stateOf(other.url, channel);
    assertNowhere(`the state of ${channel}`, Buffer.from(JSON.stringify(state)));
  }
  await send(url, 'log', 'carol.1', ['afterwards']);
  await waitFor(() => stream.text.includes('afterwards'), { what: 'what follows' });
  assert.doesNotMatch(stream.text, /"status":"(reset|resumed)"/);
  const frames = [...stream.text.matchAll(/^id: (\S+)\n(?:event: \$erased\n)?data: \{"channel":"([^"]+)"/gm)];
  for (const [i, channel] of channels.entries()) {
    const own = frames.filter(([, , of]) => of === channel).map(([, id]) => ({ id: id!.split('~')[i]! }));
    assert.ok(own.length > 0);
    assertContiguous(own);
  }
  stream.leave();
  for (const { msg, err } of [...app.logged, ...other.logged] as { msg: string; err?: object }[]) {
    assert.doesNotMatch(msg, /lost|cannot follow|not what the store has/, JSON.stringify(err));
  }
});

it('is refused where there is an archive that the process does not have, and nothing is done', async () => {
  const prefix = 'without';
  const schema = postgres.newSchema();
  await using app = await startLocalApp(fleetEnv(prefix, schema));
  const { DATABASE_URL: _, ARCHIVE_SCHEMA: __, ARCHIVE_MIGRATE: ___, ...env } = fleetEnv(prefix, schema);
  await send(app.url, 'log', 'alice.1', secrets(3));
  const before = await merged(app.url, 'log', 3);
  for (let shard = 0; shard < Number(SHARDS); shard++) {
    const isBegun = () => redis.cli('HEXISTS', `${prefix}:{${shard}}:shard`, 'archiving');
    await waitFor(async () => (await isBegun()) === '1', { what: 'archiving to begin' });
  }
  await using without = await startLocalApp({ ...env, ROLES: 'merger' });
  const answer = await askToErase(without.url, { name: 'alice' });
  assert.equal(answer.status, 501);
  assert.match(((await answer.json()) as { detail: string }).detail, /DATABASE_URL/);
  assert.deepEqual(await historyOf(app.url, 'log'), before);
});
