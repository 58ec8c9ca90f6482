/** A change whose shard did not answer while others of its call did: its publisher is told that nobody knows (P5). */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { anonymousAccess } from '../../src/access/anonymous.ts';
import { createBucket } from '../../src/bucket/routes.ts';
import { systemClock } from '../../src/clock.ts';
import { createMemoryEngine } from '../../src/engine/memory/engine.ts';
import { createLogger } from '../../src/log.ts';
import { generousOptions } from '../contract/engine/kit.ts';
import { startHttpApp } from '../support/http-app.ts';

it('is answered 503 with Retry-After, and beside it the others 204', async () => {
  const engine = {
    ...createMemoryEngine(generousOptions),
    append: async (changes: readonly { channel: string }[]) =>
      changes.map(({ channel }) => (channel === 'frozen' ? 'unknown' : 'accepted')) as ('unknown' | 'accepted')[],
  };
  await using http = await startHttpApp((app, metrics) => {
    const log = createLogger({ logLevel: 'silent' });
    createBucket({
      access: anonymousAccess,
      engine,
      clock: systemClock,
      log,
      metrics,
      maxChangeBytes: 10,
      batchMaxChanges: 3,
      batchMaxBytes: 30,
    }).routes(app);
  });
  const send = (channel: string) => fetch(`${http.url}/c/${channel}`, { method: 'POST', body: 'x' });
  const [frozen, healthy] = await Promise.all([send('frozen'), send('healthy')]);
  assert.deepEqual([frozen.status, Boolean(frozen.headers.get('retry-after'))], [503, true]);
  assert.equal(((await frozen.json()) as { code: string }).code, 'engine_unavailable');
  assert.equal(healthy.status, 204);
});
