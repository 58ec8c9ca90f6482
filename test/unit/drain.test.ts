/** A gateway that drains while a stream is being opened: whoever comes to be open then is told to leave, and waited for (P22). */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { anonymousAccess } from '../../src/access/anonymous.ts';
import { unlimited } from '../../src/access/limiter.ts';
import { systemClock } from '../../src/clock.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { createMemoryEngine } from '../../src/engine/memory/engine.ts';
import { createGateway } from '../../src/gateway/gateway.ts';
import { createServer, listen } from '../../src/http/server.ts';
import { createLogger } from '../../src/log.ts';
import { createMetrics } from '../../src/metrics.ts';
import { generousOptions } from '../contract/engine/kit.ts';
import { openSse } from '../support/sse.ts';
import { waitFor } from '../support/wait.ts';

it('says $bye to a stream that is opened meanwhile, and waits for it', async () => {
  const memory = createMemoryEngine({ ...generousOptions, shards: 1 });
  let answer = () => {};
  const isAnswering = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const engine: Engine = {
    ...memory,
    async subscribe(...asked) {
      await isAnswering;
      return memory.subscribe(...asked);
    },
  };
  const log = createLogger({ logLevel: 'silent' });
  const metrics = createMetrics();
  const gateway = createGateway({
    ...{ engine, clock: systemClock, log, metrics, seats: unlimited.seats },
    ...{
      maxChangeBytes: 1_024,
      batchMaxChanges: 100,
      batchMaxBytes: 65_536,
      dedupeTtlMs: 60_000,
      heartbeatMs: 15_000,
      maxStreams: 10,
      ringMaxBytes: 1 << 20,
    },
    ...{
      streamBufferBytes: 65_536,
      streamStallMs: 30_000,
      maxConnections: 1_000,
      streamMaxAgeMs: 0,
      spreadIntervalMs: 0,
    },
  });
  const app = await createServer({
    access: anonymousAccess,
    config: {
      maxChangeBytes: 1,
      streamStallMs: 30_000,
      maxConnections: 1_000,
      corsOrigins: '*',
      loopbackOnly: true,
      publicHosts: null,
      trustProxy: [],
    },
    log,
    metrics,
  });
  gateway.routes(app);
  const port = await listen(app, { host: '127.0.0.1', port: 0 });
  const opening = openSse(`http://127.0.0.1:${port}/c/room/events`);
  try {
    await waitFor(() => gateway.load().streams === 1, { what: 'the stream to be on its way' });
    let isDrained = false;
    const drained = gateway.drain(0).then(() => {
      isDrained = true;
    });
    await new Promise(setImmediate);
    assert.equal(isDrained, false);
    answer();
    const reader = await opening;
    await waitFor(() => reader.isEnded, { what: 'the end of the stream' });
    assert.deepEqual(
      reader.frames.map(({ event }) => event),
      ['$sync', '$bye'],
    );
    await drained;
  } finally {
    answer();
    (await opening).close();
    gateway.close();
    await app.close();
    await memory.close();
  }
});
