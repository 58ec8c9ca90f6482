/** The program on a Redis whose operator takes a right away, and gives it back: nothing becomes two events, and it says so. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { request } from '../support/http.ts';
import { runServer, startServer } from '../support/process.ts';
import { startRedis } from '../support/redis-server.ts';
import { waitFor } from '../support/wait.ts';

const LATE_MS = 20_000;

describe('the rights of our Redis user', () => {
  it('that are missing at the start end the process with a sentence', async () => {
    await using redis = await startRedis();
    await redis.cli('acl', 'setuser', 'app', 'on', '>pw', '~sc:*', '+@all');
    const { code, stderr } = await runServer({ REDIS_URL: redis.url.replace('//', '//app:pw@') });
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^smallchange: The user of Redis at \S+ may not run SSUBSCRIBE, SPUBLISH on sc:\*: add &sc:\*/m,
    );
  });

  for (const right of ['ltrim', 'zadd', 'spublish']) {
    it(`that are taken away make it unready, and no change two events: ${right}`, { timeout: 90_000 }, async () => {
      await using redis = await startRedis();
      await redis.cli('acl', 'setuser', 'app', 'on', '>pw', '~sc:*', '&*', '+@all');
      await using server = await startServer({ env: { REDIS_URL: redis.url.replace('//', '//app:pw@') } });
      const post = async () => (await request(server.url, '/c/room', { method: 'POST', body: 'x' })).status;
      const isReady = async () => (await request(server.url, '/readyz')).status === 200;
      const events = async () => {
        const answer = await request(server.url, '/c/room/history');
        return answer.status === 200 ? answer.json<{ events: unknown[] }>().events.length : undefined;
      };
      const has = (count: number) =>
        waitFor(async () => (await events()) === count, { timeoutMs: LATE_MS, what: `${count} events` });
      assert.equal(await post(), 204);
      await has(1);
      assert.ok(await isReady());

      await redis.cli('acl', 'setuser', 'app', `-${right}`);
      const statuses = [await post()];
      await waitFor(async () => !(await isReady()), { timeoutMs: LATE_MS, what: 'it to say that it is not ready' });
      statuses.push(await post());
      assert.equal(statuses[1], 503);
      const said = () => server.logged.filter(({ level }) => level === 'error');
      await waitFor(() => said().length > 0, { timeoutMs: LATE_MS, what: 'it to say why' });
      assert.deepEqual(
        said().filter(({ msg }) => !/^Redis refuses our user what is needed/.test(String(msg))),
        [],
      );
      assert.equal(said().length, 1);
      assert.match(String(said()[0]!.reason), new RegExp(`add \\+${right} `));

      await redis.cli('acl', 'setuser', 'app', `+${right}`);
      await waitFor(isReady, { timeoutMs: LATE_MS, what: 'it to be ready again' });
      // One that was refused after it was stored is merged as well: its sender was told that it is not known.
      await waitFor(async () => (await post()) === 204, { timeoutMs: LATE_MS, what: 'changes to be accepted' });
      const stored = 2 + (statuses[0] === 204 || right === 'spublish' ? 1 : 0);
      await has(stored);
      assert.equal(await post(), 204);
      await has(stored + 1);
    });
  }
});
