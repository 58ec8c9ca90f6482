/**
 * The scripts of components/redis-backup, run as their jobs run them: a copy of a Redis that serves, its volume lost, the copy put
 * back. What the copy had is there again; what came after it is gone, and no client is left to believe that it is not.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { request } from '../support/http.ts';
import { startServer } from '../support/process.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { openSse } from '../support/sse.ts';
import { waitFor } from '../support/wait.ts';

const folder = fileURLToPath(new URL('../../k8s/components/redis-backup/', import.meta.url));
const users = readFileSync(new URL('../../k8s/overlays/dev/users.acl', import.meta.url), 'utf8');

interface History {
  readonly epoch: string;
  readonly events: readonly { readonly id: string; readonly data: string }[];
}

describe('the backup of Redis', () => {
  let place: string;
  let redis: RedisServer;
  beforeEach(async () => {
    place = mkdtempSync(join(tmpdir(), 'smallchange-backup-'));
    redis = await startRedis({ appendfsync: 'always', 'repl-diskless-sync-delay': '0' });
    const [, , ...rights] = users
      .split('\n')
      .find((line) => line.startsWith('user smallchange-backup '))!
      .split(' ');
    await redis.cli('acl', 'setuser', 'smallchange-backup', ...rights);
  });
  afterEach(async () => {
    await redis.stop();
    rmSync(place, { recursive: true, force: true });
  });

  function run(script: string, env: Record<string, string> = {}) {
    const address = `127.0.0.1:${redis.port}`;
    return spawnSync('sh', [join(folder, script)], {
      encoding: 'utf8',
      timeout: 60_000,
      env: {
        ...process.env,
        REDIS_URL: `redis://smallchange-backup:development-only@${address}`,
        BACKUP_DIR: place,
        BACKUP_KEEP: '2',
        DATA_DIR: redis.dir,
        REDIS_HOST: '127.0.0.1',
        REDIS_PORT: String(redis.port),
        TMPDIR: place,
        ...env,
      },
    });
  }

  function succeed(script: string): string {
    const { status, stdout, stderr } = run(script);
    assert.equal(status, 0, `${stdout}${stderr}`);
    return stdout;
  }

  const fleet = () => startServer({ env: { REDIS_URL: redis.url, SHARDS: '2', DRAIN_MS: '0' } });

  /** A Redis that comes back is asked for a while before it is believed. */
  const send = (url: string, data: string) =>
    waitFor(async () => (await request(url, '/c/room', { method: 'POST', body: data })).status === 204, {
      what: `${data} to be accepted`,
      everyMs: 100,
    });

  const history = async (url: string) => (await request(url, '/c/room/history')).json<History>();
  const dataOf = ({ events }: History) => events.map(({ data }) => data);

  const kept = (url: string, wanted: readonly string[]) =>
    waitFor(
      async () => String(dataOf(await history(url).catch(() => ({ epoch: '', events: [] })))) === String(wanted),
      {
        what: `the history to be ${wanted}`,
        everyMs: 100,
      },
    );

  const lose = async () => {
    await redis.kill9();
    rmSync(join(redis.dir, 'appendonlydir'), { recursive: true });
  };

  it('brings back what it had, and tells streams that go on that the rest is gone', async () => {
    await using server = await fleet();
    for (const data of ['one', 'two', 'three']) await send(server.url, data);
    await kept(server.url, ['one', 'two', 'three']);
    const before = await history(server.url);
    assert.match(succeed('backup.sh'), /^Kept smallchange-\d+T\d+Z\.rdb, \d+ bytes\.$/m);

    await send(server.url, 'four');
    await kept(server.url, ['one', 'two', 'three', 'four']);
    await using reader = await openSse(`${server.url}/c/room/events?since=earliest`);
    await reader.next(({ data }) => data === 'four');
    await lose();
    assert.match(succeed('restore.sh'), /Restored smallchange-.*\.rdb, 2 shards\. Start Redis\./);
    await redis.restart();

    await reader.next(({ event, data }) => event === '$sync' && /"status":"reset"/.test(data ?? ''));
    await kept(server.url, ['one', 'two', 'three']);
    const after = await history(server.url);
    assert.notEqual(after.events[0]!.id, before.events[0]!.id, 'a cursor of before would be taken for one of now');
    await send(server.url, 'five');
    await reader.next(({ data }) => data === 'five');
  });

  it('is noticed by clients also where nothing of the fleet ran meanwhile', async () => {
    let cursor: string;
    {
      await using server = await fleet();
      await send(server.url, 'one');
      await kept(server.url, ['one']);
      succeed('backup.sh');
      await send(server.url, 'two');
      await kept(server.url, ['one', 'two']);
      cursor = (await history(server.url)).events[1]!.id;
    }
    await lose();
    succeed('restore.sh');
    await redis.restart();
    await using server = await fleet();
    await send(server.url, 'other');
    await kept(server.url, ['one', 'other']);
    await using reader = await openSse(`${server.url}/c/room/events`, { headers: { 'Last-Event-ID': cursor } });
    await reader.next(({ event, data }) => event === '$sync' && /"status":"reset"/.test(data ?? ''));
  });

  it('changes nothing while Redis runs, nor by a copy that is not as it was written', async () => {
    await redis.cli('hset', 'sc:{0}:shard', 'epoch', 'a');
    for (let i = 0; i < 3; i++) {
      succeed('backup.sh');
      // Copies are named by the second.
      if (i < 2) await waitFor(() => new Date().getMilliseconds() < 100, { what: 'the next second', everyMs: 50 });
    }
    const copies = () =>
      readdirSync(place)
        .filter((name) => name.endsWith('.rdb'))
        .sort();
    assert.equal(copies().length, 2);
    const running = run('restore.sh');
    assert.equal(running.status, 1);
    assert.match(running.stderr, /Redis runs at 127\.0\.0\.1:\d+: scale it to 0 first\. Nothing was changed\./);

    await redis.kill9();
    const files = readdirSync(join(redis.dir, 'appendonlydir'));
    writeFileSync(join(place, copies().at(-1)!), 'REDIS0010');
    const broken = run('restore.sh');
    assert.equal(broken.status, 1);
    assert.match(broken.stderr, /is not as it was written\. Nothing was changed\./);
    assert.match(run('restore.sh', { RESTORE_FILE: 'none.rdb' }).stderr, /There is no copy none\.rdb/);
    assert.deepEqual(readdirSync(join(redis.dir, 'appendonlydir')), files);

    const { status, stdout } = run('restore.sh', { RESTORE_FILE: copies()[0]! });
    assert.equal(status, 0);
    assert.match(stdout, /What was there is in .*before-restore-/);
  });

  it('keeps no copy of a Redis that it may not read', async () => {
    await redis.cli('acl', 'setuser', 'smallchange-backup', '>another', '<development-only');
    const { status } = run('backup.sh');
    assert.notEqual(status, 0);
    assert.deepEqual(readdirSync(place), []);
  });
});
