/** Processes as the units start them: the line as it is written, with its environment, but for ports and where things are. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { isNamed } from '../contract/protocol/kit.ts';
import { request } from '../support/http.ts';
import { launch, type ServerProcess, startServer } from '../support/process.ts';
import { startRedis } from '../support/redis-server.ts';
import { openSse } from '../support/sse.ts';
import { waitFor } from '../support/wait.ts';
import { callsIn, refusedBy, traced } from './system-calls.ts';
import { environmentOf, only, readUnit } from './unit-file.ts';

const INSTALLED = '/opt/smallchange/node_modules/smallchange/dist/main.js';

/** Its flags, of which `started` makes a process of ours. */
function flagsOf(name: string): readonly string[] {
  const [node, ...words] = only(readUnit(name), 'ExecStart').split(' ');
  assert.deepEqual([node, words.pop()], ['/usr/bin/node', INSTALLED]);
  return words;
}

const environment = (name: string, more = {}) => ({ ...environmentOf(readUnit(name), '0'), PORT: '0', ...more });

function started(name: string, more = {}, through: readonly string[] = []): Promise<ServerProcess> {
  return startServer({ env: environment(name, more), through, flags: flagsOf(name) });
}

async function sendAndReceive(bucket: ServerProcess, gateway: ServerProcess): Promise<void> {
  await using reader = await openSse(`${gateway.url}/c/unit/events`);
  await reader.next(isNamed('$sync'));
  assert.equal((await request(bucket.url, '/c/unit', { method: 'POST', body: 'x' })).status, 204);
  await waitFor(() => reader.frames.some(({ data }) => data === 'x'), { what: 'the change' });
}

describe('what the systemd units start', () => {
  it('serves with all roles, ends with 0 on SIGTERM, and makes no system call that its unit refuses', async () => {
    const scratch = mkdtempSync(join(tmpdir(), 'smallchange-unit-'));
    try {
      const file = join(scratch, 'calls');
      const name = 'smallchange-all.service';
      const settings = { HOST: '0.0.0.0', AUTH: 'anonymous', DATA_DIR: join(scratch, 'data') };
      const server = await started(name, settings, traced(file));
      await sendAndReceive(server, server);
      assert.deepEqual(await server.stop(), { code: 0, signal: null });
      const calls = await waitFor(() => callsIn(file), { what: 'the list of calls' });
      assert.ok(calls.length > 30 && calls.includes('accept4'), calls.join());
      // SQLite gives its files to whose the database is, where it is root.
      const asItself = calls.filter((call) => call !== 'fchown');
      assert.deepEqual(refusedBy(readUnit(name).get('SystemCallFilter')!, asItself), []);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  });

  it('serves with each role apart', async () => {
    await using redis = await startRedis();
    const more = { REDIS_URL: redis.url };
    const names = ['gateway', 'bucket', 'merger'].map((role) => `smallchange-${role}@.service`);
    const [gateway, bucket, merger] = await Promise.all(names.map((name) => started(name, more)));
    await using _ends = {
      [Symbol.asyncDispose]: async () =>
        void (await Promise.all([gateway, bucket, merger].map((each) => each!.stop()))),
    };
    await sendAndReceive(bucket!, gateway!);
  });

  it('is not started again where a setting is wrong', async () => {
    const name = 'smallchange-all.service';
    const { exited, said } = await launch(environment(name, { DRAIN_MS: 'long' }));
    const { code } = await exited;
    assert.equal(String(code), only(readUnit(name), 'RestartPreventExitStatus'), said.stderr);
  });
});
