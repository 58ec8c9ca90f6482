/** Several workers behind one port: one that is killed is started again, SIGHUP replaces all, and nobody misses anything. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from '../support/http.ts';
import { childrenOf, runServer, type ServerProcess, startServer } from '../support/process.ts';
import { startRedis } from '../support/redis-server.ts';
import { openSse } from '../support/sse.ts';
import { waitFor } from '../support/wait.ts';
import { type Follower, follow } from './follower.ts';
import { bodyOf, Ledger } from './ledger.ts';
import { createPublisher } from './publisher.ts';

const CHANNEL = 'room';
const FOLLOWERS = 8;

const workersOf = ({ pid }: ServerProcess) => childrenOf(pid);

const said = (server: ServerProcess, message: string) => server.logged.filter(({ msg }) => msg === message).length;

describe('several workers', () => {
  it('lose nothing when one is killed and when all are replaced, and end together', async () => {
    await using redis = await startRedis();
    const env = { REDIS_URL: redis.url, WORKERS: '2', DRAIN_MS: '300', MERGE_LEASE_MS: '500' };
    await using server = await startServer({ env });
    await waitFor(() => said(server, 'smallchange is running') === 3, { what: 'both, and the supervisor, to say so' });
    const ledgers = Array.from({ length: FOLLOWERS }, (_, i) => new Ledger(`follower ${i}`));
    const followers = ledgers.map((ledger): Follower => follow({ url: () => server.url, channels: [CHANNEL], ledger }));
    let seq = 0;
    let isOver = false;
    try {
      await using publisher = createPublisher(server.url, 4);
      await Promise.all(followers.map(({ synced }) => synced));
      const publishing = (async () => {
        while (!isOver) {
          seq++;
          await publisher.deliver({ channel: CHANNEL, from: 'ann.1', seq, body: bodyOf(seq) });
          await sleep(5);
        }
      })();

      const goesOn = async () => {
        const until = seq + 20;
        await waitFor(() => seq >= until, { timeoutMs: 20_000, what: 'changes to be accepted' });
      };

      await goesOn();
      const before = workersOf(server);
      assert.equal(before.length, 2);
      process.kill(before[0]!, 'SIGKILL');
      await waitFor(() => said(server, 'smallchange is running') === 4, {
        timeoutMs: 20_000,
        what: 'the killed one to be back',
      });
      await goesOn();
      const then = workersOf(server);
      assert.deepEqual([then.length, then.includes(before[0]!)], [2, false]);

      process.kill(server.pid, 'SIGHUP');
      await waitFor(() => said(server, 'all workers are new') === 1, { timeoutMs: 20_000, what: 'all to be replaced' });
      assert.deepEqual(
        workersOf(server).filter((pid) => then.includes(pid)),
        [],
      );

      await goesOn();
      isOver = true;
      await publishing;
      await waitFor(
        () => {
          for (const follower of followers) follower.check();
          return ledgers.every((ledger) => ledger.count === seq);
        },
        { timeoutMs: 20_000, what: () => `${seq} events at each, not ${ledgers.map(({ count }) => count).join()}` },
      );
    } finally {
      isOver = true;
      for (const follower of followers) await follower[Symbol.asyncDispose]();
    }
    assert.deepEqual(await server.stop(), { code: 0, signal: null });
  });

  it('come to have as many streams each, wherever the connections went at first', async () => {
    await using redis = await startRedis();
    const env = { REDIS_URL: redis.url, WORKERS: '2', DRAIN_MS: '100', SPREAD_INTERVAL_MS: '100' };
    await using server = await startServer({ env });
    const followers = Array.from({ length: 60 }, (_, i) =>
      follow({ url: () => server.url, channels: [CHANNEL], ledger: new Ledger(`follower ${i}`) }),
    );
    await Promise.all(followers.map(({ synced }) => synced));
    // Each question is a connection of its own, and may go to another one.
    const load = async () => (await request(server.url, '/load')).json<{ streams: number }>().streams;
    const areEven = async () => (await Promise.all(Array.from({ length: 8 }, load))).every((n) => n >= 20 && n <= 40);
    await waitFor(areEven, { timeoutMs: 30_000, everyMs: 100, what: 'both to have 20 to 40 of 60 streams' });
    for (const follower of followers) await follower[Symbol.asyncDispose]();
  });

  it('are as many as before when one ends by itself while it is replaced, or just before', async () => {
    await using redis = await startRedis();
    await using server = await startServer({ env: { REDIS_URL: redis.url, WORKERS: '2', DRAIN_MS: '100' } });
    const areNew = (times: number) =>
      waitFor(() => said(server, 'all workers are new') === times, { timeoutMs: 20_000, what: 'all to be replaced' });
    await waitFor(() => said(server, 'smallchange is running') === 3, { what: 'all to run' });

    const [first] = workersOf(server);
    process.kill(server.pid, 'SIGHUP');
    await waitFor(() => workersOf(server).length === 3, { everyMs: 1, what: 'the next to be started' });
    process.kill(first!, 'SIGKILL');
    await areNew(1);
    assert.equal(workersOf(server).length, 2);

    const ended = 'a worker ended by itself';
    process.kill(workersOf(server)[0]!, 'SIGKILL');
    await waitFor(() => said(server, ended) === 1, { everyMs: 1, what: 'it to be missed' });
    process.kill(server.pid, 'SIGHUP');
    await areNew(2);
    assert.equal(workersOf(server).length, 2);
    assert.deepEqual(await server.stop(), { code: 0, signal: null });
  });

  it('drain when their supervisor dies', async () => {
    await using redis = await startRedis();
    await using server = await startServer({ env: { REDIS_URL: redis.url, WORKERS: '2', DRAIN_MS: '300' } });
    await waitFor(() => said(server, 'smallchange is running') === 3, { what: 'all to run' });
    const workers = workersOf(server);
    const readers = await Promise.all(Array.from({ length: 8 }, () => openSse(`${server.url}/c/room/events`)));
    try {
      await Promise.all(readers.map((reader) => reader.next()));
      let areGone = false;
      // They have its output: that ends with the last of them.
      void server.exited.then(() => {
        areGone = true;
      });
      process.kill(server.pid, 'SIGKILL');
      await waitFor(() => readers.every(({ isEnded }) => isEnded), { what: 'the end of each stream' });
      assert.deepEqual(new Set(readers.map(({ frames }) => frames.at(-1)!.event)), new Set(['$bye']));
      await waitFor(() => areGone, { timeoutMs: 60_000, what: 'the workers to end' });
    } finally {
      for (const reader of readers) reader.close();
      for (const pid of workers) if (existsSync(`/proc/${pid}`)) process.kill(pid, 'SIGKILL');
    }
  });

  it('that cannot start end the supervisor with their exit code', async () => {
    const { code, stderr } = await runServer({
      WORKERS: '2',
      REDIS_URL: 'redis://127.0.0.1:1',
      REDIS_START_WAIT_MS: '0',
    });
    assert.equal(code, 1);
    assert.match(stderr, /^smallchange: Redis at 127\.0\.0\.1:1 cannot be used/m);
    const alone = await runServer({ WORKERS: '2' });
    assert.equal(alone.code, 2);
    assert.match(alone.stderr, /^smallchange: WORKERS .*REDIS_URL/);
  });
});
