/** `npm run archive`, as an operator calls it. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { Event } from '../../src/domain/event.ts';
import { shownFrom } from '../../src/domain/shown-from.ts';
import { openArchive } from '../archiver/kit.ts';
import { event } from '../contract/engine/kit.ts';
import { startPostgres } from '../support/postgres-server.ts';
import { runTool as run } from './run-tool.ts';

const postgres = await startPostgres();
after(() => postgres.stop());

const envOf = (schema: string) => ({ DATABASE_URL: postgres.url, ARCHIVE_SCHEMA: schema });

async function filled(schema: string): Promise<void> {
  const archive = openArchive(postgres, schema, 16);
  await archive.ready();
  await archive.claim(3, 'test', null);
  const events = (first: number, count: number, rest: Partial<Event> = {}) =>
    Array.from({ length: count }, (_, i) => event(first + i, `${first + i}`, rest));
  const watermark = { epoch: 'epoch1', rev: 7 };
  const [log] = (await archive.write(3, 'test', {
    watermark,
    parts: [
      { channel: 'room', log: null, events: events(1, 700) },
      {
        channel: 'other',
        log: null,
        events: [event(5, '', { from: 'max.secret', seq: 9, bytes: Buffer.from([0xff]) })],
      },
    ],
  }))!;
  const last = events(701, 2);
  await archive.write(3, 'test', { watermark, parts: [{ channel: 'room', log: log!, events: last }] });
  await archive.close();
}

describe('npm run archive', () => {
  it('makes the tables, once', async () => {
    const env = envOf(postgres.newSchema());
    assert.deepEqual(await run(env, 'migrate'), { code: 0, out: 'run: 001-logs.sql\n', error: '' });
    assert.deepEqual(await run(env, 'migrate'), { code: 0, out: 'nothing to do\n', error: '' });
  });

  it('tells how much there is', async () => {
    const schema = postgres.newSchema();
    await filled(schema);
    const { out, code } = await run(envOf(schema), 'status');
    assert.match(out, /^2 channels, 2 logs, 703 events, \d+ KiB\nshard 3: epoch epoch1, rev 7\n$/);
    assert.equal(code, 0);
  });

  it('finds what is missing, there twice, unreadable, or short of its head', async () => {
    const schema = postgres.newSchema();
    await filled(schema);
    const verify = (...args: string[]) => run(envOf(schema), 'verify', ...args);
    assert.deepEqual(await verify(), { code: 0, out: '2 logs, 703 events, 0 faults\n', error: '' });
    const pieces = `${schema}.pieces`;
    await postgres.sql(`DELETE FROM ${pieces} WHERE first_offset = 513`);
    const missing = await verify('--channel', 'room');
    assert.match(missing.out, /^room, log \d+: 513 to 700 are missing\n1 logs, 514 events, 1 faults\n$/);
    assert.equal(missing.code, 1);
    assert.equal((await verify('--channel', 'other')).code, 0);
    await postgres.sql(`UPDATE ${pieces} SET first_offset = 500 WHERE first_offset = 701`);
    assert.match(
      (await verify('--channel', 'room')).out,
      /500 is there twice\n.*500 to 702 are 203 events, and 2 are there/,
    );
    await postgres.sql(`UPDATE ${schema}.logs SET head = 703 WHERE channel = 'room'`);
    assert.match((await verify('--channel', 'room')).out, /it ends with 702, and should with 703/);
    await postgres.sql(`UPDATE ${pieces} SET events = '\\x9163' WHERE first_offset = 5`);
    assert.match((await verify('--channel', 'other')).out, /other, log \d+: after 4: events are archived in format 99/);
  });

  it('gives a channel as NDJSON, its publishers as readers see them', async () => {
    const schema = postgres.newSchema();
    await filled(schema);
    const { out, error } = await run(envOf(schema), 'export', '--channel', 'room');
    const lines = out.trimEnd().split('\n');
    assert.equal(lines.length, 702);
    assert.deepEqual(JSON.parse(lines[701]!), { offset: 702, at: 1_795_000_000_456, data: '702' });
    assert.equal(error, '702 events\n');
    const other = await run(envOf(schema), 'export', '--channel', 'other');
    assert.deepEqual(JSON.parse(other.out), {
      ...{ offset: 5, from: shownFrom('max.secret'), seq: 9, at: 1_795_000_000_456 },
      b64: '/w==',
    });
    assert.ok(!other.out.includes('secret'));
    assert.deepEqual(await run(envOf(schema), 'export', '--channel', 'none'), {
      code: 0,
      out: '',
      error: '0 events\n',
    });
  });

  it('says what is wrong with what it was asked', async () => {
    const usage = 'npm run archive -- migrate | status | verify [--channel x] | export --channel x\n';
    const env = envOf(postgres.newSchema());
    for (const [args, problem] of [
      [[], 'not a command of this tool'],
      [['toString'], 'not a command of this tool'],
      [['status', 'more'], 'not a command of this tool'],
      [['export'], 'export needs --channel'],
      [['verify', '--channel', 'a b'], '--channel is not the name of a channel'],
    ] as const) {
      assert.deepEqual(await run(env, ...args), { code: 2, out: '', error: `${problem}\n${usage}` });
    }
    assert.match((await run(env, 'verify', '--chanel', 'x')).error, /Unknown option '--chanel'/);
    assert.deepEqual(await run({}, 'status'), {
      code: 1,
      out: '',
      error: 'neither DATABASE_URL nor DATA_DIR is set: there is no archive\n',
    });
    const away = await run({ DATABASE_URL: 'postgres://127.0.0.1:1/x' }, 'status');
    assert.equal(away.code, 1);
    assert.match(away.error, /^the archive does not answer: /);
  });
});
