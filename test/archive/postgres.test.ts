/** The archive in a real Postgres: its contract, and what only a database can do wrong. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { openPostgres } from '../../src/archive/postgres/archive.ts';
import { ArchiveUnavailable, ArchiveUnusable } from '../../src/errors.ts';
import { archiveContract } from '../contract/archive.ts';
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
