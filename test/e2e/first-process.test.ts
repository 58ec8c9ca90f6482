/**
 * The first process of a container. The kernel gives it no signal that it has not asked for, so one that listens too late
 * is waited for and killed by whoever stops the container.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { freePort } from '../../loadtest/fleet/port.ts';
import { childrenOf, launch } from '../support/process.ts';
import { waitFor } from '../support/wait.ts';

/** A namespace of its own makes it the first; without root, within a user namespace. */
const FIRST = ['unshare', ...(process.getuid!() === 0 ? [] : ['--map-root-user']), '--pid', '--fork', '--kill-child'];
/** Far longer than the test waits for the end. */
const START_WAIT_MS = 120_000;
const LATE_MS = 20_000;

describe('the first process of a container', () => {
  for (const workers of [1, 2]) {
    it(`ends on SIGTERM while it waits for its Redis, with WORKERS=${workers}`, async () => {
      const env = {
        REDIS_URL: `redis://127.0.0.1:${await freePort()}`,
        REDIS_START_WAIT_MS: String(START_WAIT_MS),
        WORKERS: String(workers),
      };
      const { child, exited, said } = await launch(env, FIRST);
      try {
        const waiting = () => said.stdout.split('\n').filter((line) => line.includes('Waiting for it')).length;
        await waitFor(() => waiting() === workers, { timeoutMs: LATE_MS, what: () => `it to wait:\n${said.stderr}` });
        const [first] = childrenOf(child.pid!);
        let end: unknown;
        void exited.then((exit) => {
          end = exit;
        });
        process.kill(first!, 'SIGTERM');
        await waitFor(() => end, { timeoutMs: LATE_MS, what: 'it to end' });
        assert.deepEqual(end, { code: 0, signal: null });
      } finally {
        child.kill('SIGKILL');
      }
    });
  }
});
