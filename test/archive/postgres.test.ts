/** The archive in a real Postgres: its contract, and what only a database can do wrong. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { openPostgres } from '../../src/archive/postgres/archive.ts';
import { openDatabase } from '../../src/archive/postgres/database.ts';
import { retain } from '../../src/archive/postgres/retention.ts';
import { createRetention } from '../../src/archive/retention.ts';
import { ArchiveUnavailable, ArchiveUnusable } from '../../src/errors.ts';
import { archiveContract } from '../contract/archive.ts';
import { event } from '../contract/engine/kit.ts';
import { startPostgres } from '../support/postgres-server.ts';

const postgres = await startPostgres();
after(() => postgres.stop());

async function open(schema: string, migrates = true, shards = 16) {
  const archive = openPostgres({ url: postgres.url, schema, migrates, shards });
  await archive.ready().catch(async (error: unknown) => {
    await archive.close();
    throw error;
  });
  return archive;
}

archiveContract({
  name: 'postgres',
  async create() {
    const schema = postgres.newSchema();
    const archives = [await open(schema), await open(schema, false)] as const;
    return {
      archives,
      async [Symbol.asyncDispose]() {
        for (const archive of archives) await archive.close();
        await postgres.sql(`DROP SCHEMA ${schema} CASCADE`);
      },
    };
  },
});

describe('tables', () => {
  it('are made when that is asked for, by many at once, and else their lack is said', async () => {
    const schema = postgres.newSchema();
    await assert.rejects(open(schema, false), (error: Error) => {
      assert.ok(error instanceof ArchiveUnusable);
      assert.match(
        error.message,
        /lacks 001-logs\.sql: run `npm run archive -- migrate`, or start with ARCHIVE_MIGRATE=1/,
      );
      return true;
    });
    const opened = await Promise.all(Array.from({ length: 4 }, () => open(schema)));
    for (const archive of opened) await archive.close();
    await (await open(schema, false)).close();
  });

  it('of a newer version, or of a fleet with other shards, are left alone', async () => {
    const schema = postgres.newSchema();
    await (await open(schema)).close();
    await assert.rejects(open(schema, false, 8), /SHARDS=16, not 8/);
    await postgres.sql(`INSERT INTO ${schema}.migrations (name) VALUES ('999-later.sql')`);
    await assert.rejects(open(schema), /999-later\.sql, of a newer version/);
  });
});

describe('what is kept for a time', () => {
  const DAY_MS = 86_400_000;
  const THIS_AND_THE_NEXT = /^pieces_7_until_\d+,pieces_7_until_\d+$/;
  const retention = createRetention([
    { pattern: 'week-*', days: 7 },
    { pattern: 'year-*', days: 365 },
  ]);

  it('is dropped as a whole when that is over, of its channels alone', async () => {
    const schema = postgres.newSchema();
    const archive = openPostgres({ url: postgres.url, schema, migrates: true, shards: 1, retention });
    const database = openDatabase({ url: postgres.url, schema });
    const dropped = (days: number) => retain(database, retention.all, days * DAY_MS);
    const oldestOf = async (channel: string) => (await archive.read(channel, 0, 0, 1))!.log.oldest;
    await archive.retain();
    await archive.claim(0, 'test', null);
    const watermark = { epoch: 'epoch1', rev: 1 };
    const parts = ['week-1', 'year-1', 'other'].map((channel) => ({ channel, log: null, events: [event(1, 'x')] }));
    const [week] = (await archive.write(0, 'test', { watermark, parts }))!;
    await archive.retain();
    assert.deepEqual(await dropped(6), []);
    assert.match((await dropped(9)).join(), THIS_AND_THE_NEXT);
    assert.deepEqual([await oldestOf('week-1'), await oldestOf('year-1'), await oldestOf('other')], [2, 1, 1]);
    assert.deepEqual((await archive.read('week-1', 0, 10, 1_000))!.events, []);
    await archive.retain();
    const more = { watermark, parts: [{ channel: 'week-1', log: week!, events: [event(2, 'y')] }] };
    assert.equal((await archive.write(0, 'test', more))![0]!.head, 2, 'and its log goes on');
    assert.equal(await oldestOf('week-1'), 2);
    await dropped(400);
    assert.deepEqual([await oldestOf('week-1'), await oldestOf('year-1'), await oldestOf('other')], [3, 2, 1]);
    await archive.close();
    await database.close();
  });

  it('goes with what it was kept for when it was written, whatever is said later', async () => {
    const schema = postgres.newSchema();
    const before = openPostgres({ url: postgres.url, schema, migrates: true, shards: 1, retention });
    await before.retain();
    await before.claim(0, 'test', null);
    const parts = [{ channel: 'week-1', log: null, events: [event(1, 'x')] }];
    await before.write(0, 'test', { watermark: { epoch: 'epoch1', rev: 1 }, parts });
    await before.close();
    const database = openDatabase({ url: postgres.url, schema });
    assert.match((await retain(database, [], 9 * DAY_MS)).join(), THIS_AND_THE_NEXT);
    await database.close();
  });
});

describe('a database that', () => {
  it('is not there, is said not to answer', async () => {
    const url = 'postgres://test@127.0.0.1:1/postgres';
    const archive = openPostgres({ url, schema: 'x', migrates: false, shards: 1 });
    await assert.rejects(archive.ready(), ArchiveUnavailable);
    await assert.rejects(archive.read('room', 0, 1, 1), ArchiveUnavailable);
    await archive.close();
  });

  it('cuts its connections, is asked again on others', async () => {
    const archive = await open(postgres.newSchema());
    await archive.claim(0, 'one', null);
    await postgres.cutConnections();
    const asked = () => archive.claim(0, 'one', null);
    // The first may meet the connection that is being cut.
    const answer = await asked().catch(asked);
    assert.equal(answer.kind, 'ours');
    await archive.close();
  });
});
