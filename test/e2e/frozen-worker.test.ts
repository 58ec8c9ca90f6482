/** A worker that stands still: it is noticed and replaced, and keeps its supervisor from nothing. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { describe, it } from 'node:test';
import { childrenOf, type ServerProcess, startServer } from '../support/process.ts';
import { startRedis } from '../support/redis-server.ts';
import { waitFor } from '../support/wait.ts';

const DRAIN_MS = 300;
/** The longest that a worker is waited for, and as much again for a busy machine. */
const LATE_MS = 60_000;

const said = (server: ServerProcess, message: string) => server.logged.filter(({ msg }) => msg === message);

async function startTwo(redisUrl: string): Promise<ServerProcess> {
  const server = await startServer({ env: { REDIS_URL: redisUrl, WORKERS: '2', DRAIN_MS: String(DRAIN_MS) } });
  await waitFor(() => said(server, 'smallchange is running').length === 3, {
    timeoutMs: LATE_MS,
    what: 'both, and the supervisor, to say so',
  });
  return server;
}

/** Ends those that a supervisor which does not would leave. */
function sweep(pids: readonly number[]): void {
  for (const pid of pids) if (existsSync(`/proc/${pid}`)) process.kill(pid, 'SIGKILL');
}

describe('a worker that stands still', () => {
  it('is killed, replaced and logged; one that does not is left alone', async () => {
    await using redis = await startRedis();
    await using server = await startTwo(redis.url);
    const [frozen, other] = childrenOf(server.pid) as [number, number];
    try {
      process.kill(frozen, 'SIGSTOP');
      await waitFor(() => said(server, 'smallchange is running').length === 4, {
        timeoutMs: LATE_MS,
        what: () => `another to take its place:\n${server.output()}`,
      });
      const now = childrenOf(server.pid);
      assert.deepEqual([now.length, now.includes(other), now.includes(frozen)], [2, true, false]);
      const [told, ...more] = said(server, 'a worker does not answer and is killed');
      assert.deepEqual([told?.level, told?.workerPid, more.length], ['error', frozen, 0]);
    } finally {
      sweep([frozen]);
    }
  });

  it('does not keep SIGHUP from replacing the others', async () => {
    await using redis = await startRedis();
    await using server = await startTwo(redis.url);
    const before = childrenOf(server.pid);
    try {
      process.kill(before[0]!, 'SIGSTOP');
      process.kill(server.pid, 'SIGHUP');
      await waitFor(() => said(server, 'all workers are new').length === 1, {
        timeoutMs: LATE_MS,
        what: () => `all to be replaced:\n${server.output()}`,
      });
      const now = childrenOf(server.pid);
      assert.equal(now.length, 2);
      assert.ok(now.every((pid) => !before.includes(pid)));
    } finally {
      sweep(before);
    }
  });

  it('does not keep the supervisor from ending on SIGTERM, which says that it was no good end', async () => {
    await using redis = await startRedis();
    const server = await startTwo(redis.url);
    const workers = childrenOf(server.pid);
    try {
      process.kill(workers[0]!, 'SIGSTOP');
      const stopped = server.stop();
      // `stop` itself kills after 30 s; both must be gone before that.
      await waitFor(() => !workers.some((pid) => existsSync(`/proc/${pid}`)), {
        timeoutMs: 25_000,
        what: () => `the workers to end:\n${server.output()}`,
      });
      assert.deepEqual(await stopped, { code: 1, signal: null });
    } finally {
      sweep(workers);
    }
  });
});
