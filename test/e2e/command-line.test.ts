/** The program as it is installed: what it says, where, and how it ends. Signals reach it, and no shell is in between. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { request } from '../support/http.ts';
import { startServer, theBuilt } from '../support/process.ts';
import { projectRoot } from '../support/program.ts';
import { startRedis } from '../support/redis-server.ts';

const bin = join(projectRoot, 'bin/smallchange.mjs');
const START_MAX_MS = 20_000;

describe('smallchange', () => {
  before(() => theBuilt());
  const run = (words: readonly string[], env: Record<string, string> = {}) =>
    spawnSync(bin, words, { encoding: 'utf8', timeout: START_MAX_MS, env: { PATH: process.env.PATH, ...env } });

  it('--version prints the version, --help every setting, and both end with 0 whatever the environment says', () => {
    const { version } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as { version: string };
    const asked = run(['--version'], { PORT: 'nonsense' });
    assert.deepEqual([asked.status, asked.stdout, asked.stderr], [0, `${version}\n`, '']);
    const help = run(['--help'], { PORT: 'nonsense' });
    assert.deepEqual([help.status, help.stderr], [0, '']);
    assert.match(help.stdout, /^smallchange: .*\n\nUsage: smallchange/);
    assert.match(help.stdout, /^ {2}--port\n/m);
  });

  it('what is wrong with an option ends it with 2, in plain lines, all at once', () => {
    const { status, stdout, stderr } = run(['--prot', '1', 'redis://u:s3cret@h', '--port']);
    assert.deepEqual([status, stdout], [2, '']);
    assert.equal(stderr.split('\n').length, 4, stderr);
    for (const line of stderr.trim().split('\n')) assert.match(line, /^smallchange: /);
    assert.doesNotMatch(stderr, /s3cret/);
    const values = run(['--port', '70000', '--shards=0'], { HEARTBEAT_MS: '1', DRAIN_MS: 'x' });
    assert.equal(values.status, 2);
    for (const name of ['--port', '--shards', 'HEARTBEAT_MS', 'DRAIN_MS']) {
      assert.match(values.stderr, new RegExp(`^smallchange: ${name} must be `, 'm'));
    }
  });

  it('an option beats the environment, for its workers too', async () => {
    await using redis = await startRedis();
    const main = () => Promise.resolve(bin);
    const env = { PORT: 'nonsense', REDIS_URL: redis.url };
    await using server = await startServer({ env, main, words: ['--port', '0', '--workers=2'] });
    const answer = await request(server.url, '/c/demo', { method: 'POST', body: 'x' });
    assert.equal(answer.status, 204);
    const { code, signal } = await server.stop();
    assert.deepEqual([code, signal], [0, null]);
  });
});
