/** Starting: what cannot work is said in plain lines, with an exit code that tells whose fault it is. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { describe, it } from 'node:test';
import { launch, runServer, startServer } from '../support/process.ts';
import { startRedis } from '../support/redis-server.ts';
import { waitFor } from '../support/wait.ts';

/** A start, with a wait in it, on a machine that does ten things. */
const START_MS = 20_000;

const linesOf = (text: string) => text.split('\n').filter((line) => line !== '');

describe('wrong settings', () => {
  it('are all named at once, with exit code 2', async () => {
    const { code, stdout, stderr } = await runServer({
      PORT: '70000',
      SHARDS: '0',
      MAX_CHANGE_BYTES: '1e3',
      REDUCERS: '*=nosuch',
      ROLES: 'bucket,typist',
      HEARTBEAT_MSS: '1',
      LOG_LEVEL: 'loud',
    });
    assert.equal(code, 2);
    assert.equal(stdout, '');
    const lines = linesOf(stderr);
    for (const name of ['PORT', 'SHARDS', 'MAX_CHANGE_BYTES', 'REDUCERS', 'ROLES', 'HEARTBEAT_MSS', 'LOG_LEVEL']) {
      assert.equal(
        lines.filter((line) => line.startsWith(`smallchange: ${name} `)).length,
        1,
        `${name} in:\n${stderr}`,
      );
    }
    assert.equal(lines.length, 7, stderr);
    assert.match(stderr, /HEARTBEAT_MSS .*HEARTBEAT_MS\?/);
  });

  it('that do not fit together are too', async () => {
    const { code, stderr } = await runServer({ ROLES: 'bucket', HOST: '0.0.0.0' });
    assert.equal(code, 2);
    assert.match(stderr, /^smallchange: ROLES .*REDIS_URL/m);
    assert.match(stderr, /^smallchange: HOST .*AUTH=anonymous/m);
    assert.equal(linesOf(stderr).length, 2);
  });

  it('never repeat a password', async () => {
    const { code, stderr } = await runServer({ REDIS_URL: 'redis://user:s3cret@host:port/' });
    assert.equal(code, 2);
    assert.match(stderr, /^smallchange: REDIS_URL /);
    assert.doesNotMatch(stderr, /s3cret/);
  });

  it("do not include a stranger's", async () => {
    await using server = await startServer({ env: { FOO: '1', NODE_ENV: 'production', PORTS: '1', PATH_INFO: '/' } });
    assert.ok(server.port > 0);
  });
});

describe('what is not to be had', () => {
  it('a port that is taken: one line, exit code 1', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const { code, stderr } = await runServer({ PORT: String(port) });
    taken.close();
    assert.equal(code, 1);
    assert.deepEqual(linesOf(stderr).length, 1, stderr);
    assert.match(stderr, new RegExp(`^smallchange: 127\\.0\\.0\\.1:${port} is in use.*PORT`));
  });

  it('a Redis that is not there: one line, exit code 1, without the password', async () => {
    const unused = createServer().listen(0, '127.0.0.1');
    await once(unused, 'listening');
    const { port } = unused.address() as AddressInfo;
    unused.close();
    await once(unused, 'close');
    const url = `redis://:s3cret@127.0.0.1:${port}`;
    const { code, stdout, stderr } = await runServer({ REDIS_URL: url, REDIS_START_WAIT_MS: '600' });
    assert.equal(code, 1);
    assert.equal(linesOf(stderr).length, 1, stderr);
    assert.equal(linesOf(stdout).length, 1, 'that it waits is said once');
    assert.doesNotMatch(stdout, /s3cret/);
    assert.match(stderr, /^smallchange: .*Redis/i);
    assert.ok(stderr.includes(`127.0.0.1:${port}`), stderr);
    assert.doesNotMatch(stderr, /s3cret/);
  });

  it('a Redis that does not know the password: said at once, however long it would wait', async () => {
    await using redis = await startRedis();
    const url = `redis://nobody:s3cret@127.0.0.1:${redis.port}`;
    const { code, stdout, stderr } = await runServer({ REDIS_URL: url, REDIS_START_WAIT_MS: '600000' });
    assert.equal(code, 1);
    assert.equal(stdout, '');
    assert.match(stderr, /^smallchange: .*WRONGPASS/);
  });

  it('a Redis that comes a little later: waited for', async () => {
    await using redis = await startRedis();
    await redis.kill9();
    const { child, exited, said } = await launch({ REDIS_URL: redis.url });
    const says = (words: string) =>
      waitFor(() => said.stdout.includes(words), { timeoutMs: START_MS, what: () => `${words} in ${said.stdout}` });
    await says('Waiting');
    await redis.restart();
    await says('smallchange is running');
    child.kill('SIGTERM');
    assert.equal((await exited).code, 0);
  });

  it('a Redis that was set up with other SHARDS: one line, exit code 1', async () => {
    await using redis = await startRedis();
    await using first = await startServer({ env: { REDIS_URL: redis.url, SHARDS: '4' } });
    const { code, stderr } = await runServer({ REDIS_URL: redis.url, SHARDS: '5' });
    assert.equal(code, 1);
    assert.equal(linesOf(stderr).length, 1, stderr);
    assert.match(stderr, /SHARDS/);
    assert.equal((await first.stop()).code, 0);
  });

  it('a Redis without durability: it starts, and says so once', async () => {
    await using redis = await startRedis({ appendfsync: 'no' });
    await using server = await startServer({ env: { REDIS_URL: redis.url } });
    const warnings = server.logged.filter(({ level }) => level === 'warn');
    assert.equal(warnings.length, 1, server.output());
    assert.match(String(warnings[0]!.msg), /lose/);
    await using durable = await startRedis({ appendfsync: 'always' });
    await using quiet = await startServer({ env: { REDIS_URL: durable.url } });
    assert.deepEqual(
      quiet.logged.filter(({ level }) => level === 'warn'),
      [],
    );
  });
});

describe('the first start', () => {
  it('prints the curl lines to try', async () => {
    await using server = await startServer();
    const lines = [`curl -N localhost:${server.port}/c/demo/events`, `curl -d x localhost:${server.port}/c/demo`];
    await waitFor(() => lines.every((line) => server.output().includes(line)), { what: () => `in ${server.output()}` });
  });
});
