/** A limit is each process's own: several workers behind one port let in as many times as much, and README says so. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import { ask } from '../support/ask.ts';
import { from, posting } from '../support/limits.ts';
import { startServer } from '../support/process.ts';
import { startRedis } from '../support/redis-server.ts';
import { waitFor } from '../support/wait.ts';

const WORKERS = 3;
/** The smallest there is: what comes back meanwhile is counted. */
const PER_S = 1;
const ASKED = 60;

it('three workers let in three times as much, no more', async () => {
  await using redis = await startRedis();
  await using server = await startServer({
    env: {
      ...{ REDIS_URL: redis.url, WORKERS: String(WORKERS), DRAIN_MS: '0' },
      ...{ TRUST_PROXY: '127.0.0.1', MAX_POSTS_PER_S_PER_ADDRESS: String(PER_S) },
    },
  });
  const running = () => server.logged.filter(({ msg }) => msg === 'smallchange is running').length;
  await waitFor(() => running() === WORKERS + 1, { what: 'all workers, and the supervisor, to say so' });
  const startedMs = performance.now();
  const answers = await Promise.all(
    Array.from({ length: ASKED }, (_, i) =>
      ask(server.port, posting(((i % 2) + 1) as 1 | 2, '/c/a', from('192.0.2.1'))),
    ),
  );
  const seconds = (performance.now() - startedMs) / 1_000;
  const letIn = answers.filter((answer) => / 204 /.test(answer)).length;
  assert.equal(answers.filter((answer) => / 429 /.test(answer)).length, ASKED - letIn);
  assert.ok(letIn >= 2, `${letIn}: each connection is another worker's in turn`);
  assert.ok(letIn <= WORKERS * PER_S * (1 + seconds) + WORKERS, `${letIn} in ${seconds} s`);
});

it('is what README says', () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  assert.match(readme, /Limits are of each process, and of each of `WORKERS`/);
});
