/** components/redis-sentinel as processes: it comes up all at once, its primary dies, the engine goes on, and what comes back follows. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createRedisEngine, type RedisEngineOptions } from '../../src/engine/redis/engine.ts';
import { EngineUnreachable } from '../../src/errors.ts';
import { generousOptions } from '../contract/engine/kit.ts';
import { startWorkload } from '../engine/redis-workload.ts';
import { asTypeScript } from '../support/typescript.ts';
import { waitFor } from '../support/wait.ts';
import { threeOfEach } from './replicated.ts';

const mayHaveNames = spawnSync('unshare', ['-mn', 'true'], { stdio: 'ignore' }).status === 0;
const skip = mayHaveNames ? false : 'a name server of its own needs root and unshare';

const ignore = () => {};
const log = { info: ignore, warn: ignore, error: ignore };

describe('the Redis of components/redis-sentinel', () => {
  it('goes on when its primary dies, and takes back what comes again', { timeout: 60_000 }, async () => {
    await using pods = await threeOfEach();
    const { redis, sentinels } = pods;
    const said = () => [...redis, ...sentinels].map((pod) => pod.output()).join('\n');
    const eventually = (what: string, condition: () => Promise<boolean>) =>
      waitFor(() => condition().catch(() => false), { what: () => `${what}\n${said()}`, everyMs: 200 });
    const open = (options: Partial<RedisEngineOptions>) =>
      createRedisEngine({
        ...{ ...generousOptions, shards: 2, historyMaxEvents: 100_000, prefix: 'sc', log, waitReplicas: 1 },
        ...{ url: pods.url, mode: 'sentinel', sentinelMaster: 'smallchange' },
        ...options,
      });

    /** The one that all Sentinels name. */
    async function primary() {
      const asked = sentinels.map((each) => each.ask('sentinel', 'get-master-addr-by-name', 'smallchange'));
      const [address, ...others] = new Set(await Promise.all(asked));
      assert.match(address!, /^localhost\n/);
      return others.length === 0 ? redis.find(({ port }) => address === `localhost\n${port}`) : undefined;
    }

    // A primary that is not followed yet takes nothing: who starts then waits for it.
    redis[0]!.start();
    await eventually('the first pod', async () => (await redis[0]!.ask('ping')) === 'PONG');
    await assert.rejects(
      open({ mode: 'standalone', url: redis[0]!.url }),
      (error) => error instanceof EngineUnreachable && /NOREPLICAS/.test(String(error)),
    );
    for (const pod of redis.slice(1)) pod.start();
    await eventually('two to follow', async () =>
      /connected_slaves:2/.test(await redis[0]!.ask('info', 'replication')),
    );
    // They ask the primary who follows it when they come, and then every ten seconds only.
    for (const pod of sentinels) pod.start();
    await eventually('all to know all', async () => {
      const answers = await Promise.all(sentinels.map((each) => each.ask('sentinel', 'ckquorum', 'smallchange')));
      const known = await Promise.all(sentinels.map((each) => each.ask('sentinel', 'replicas', 'smallchange')));
      return answers.every((answer) => /^OK 3/.test(answer)) && known.every((each) => each.split('runid').length === 3);
    });

    const engine = await open({});
    await using _closing = { [Symbol.asyncDispose]: () => engine.close() };
    await using work = await startWorkload(engine, 1);
    await work.goesOn(20);

    // With nothing on its disk a primary is not to come back as one.
    const empty = join(pods.place, 'empty');
    mkdirSync(empty);
    const { status, stderr } = redis[0]!.tried(empty);
    assert.deepEqual([status, /its volume is empty/.test(stderr)], [1, true], stderr);

    await redis[0]!.kill9();
    await eventually('another primary', async () => ![undefined, redis[0]].includes(await primary()));
    await work.goesOn(20);
    redis[0]!.start();
    await eventually('the first to follow', async () =>
      /master_link_status:up/.test(await redis[0]!.ask('info', 'replication')),
    );

    // A Sentinel that starts anew is who it was, and knows what it knew.
    await sentinels[0]!.kill9();
    sentinels[0]!.start();
    await eventually('the Sentinel', async () => (await primary()) !== redis[0]);
    await eventually('no fourth Sentinel', async () =>
      /^OK 3 /.test(await sentinels[1]!.ask('sentinel', 'ckquorum', 'smallchange')),
    );
    await work.goesOn(20);
    await work.finish();
  });

  it('fails over also where names are not answered for a moment', { timeout: 90_000, skip }, async (t) => {
    const program = fileURLToPath(new URL('silent-names.ts', import.meta.url));
    const { stdout } = await promisify(execFile)('unshare', ['-mn', process.execPath, ...asTypeScript, program]);
    t.diagnostic(`another primary after ${stdout.trim()} ms`);
  });
});
