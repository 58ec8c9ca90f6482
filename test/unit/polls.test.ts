/** Polls end with their client and with the gateway, and leave nothing behind. */
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { it, mock } from 'node:test';
import { systemClock } from '../../src/clock.ts';
import { createMemoryEngine } from '../../src/engine/memory.ts';
import { createGateway, type Gateway } from '../../src/gateway/gateway.ts';
import { createPolls } from '../../src/gateway/routes/polls.ts';
import { createLogger } from '../../src/log.ts';
import { generousOptions } from '../contract/engine/kit.ts';
import { startHttpApp } from '../support/http-app.ts';

/** A poll that waits until it is told to stop. */
const waits = (signal: AbortSignal) =>
  new Promise<string>((resolve) => {
    if (signal.aborted) resolve('at once');
    signal.addEventListener('abort', () => resolve('told'));
  });

it('a poll ends when its client leaves, and no other does', async () => {
  const polls = createPolls();
  const [leaving, staying] = [new EventEmitter(), new EventEmitter()];
  const left = polls.run(leaving, waits);
  const stayed = polls.run(staying, waits);
  leaving.emit('close');
  assert.equal(await left, 'told');
  assert.equal(polls.size, 1);
  polls.close();
  assert.equal(await stayed, 'told');
});

it('none waits once they are closed', async () => {
  const polls = createPolls();
  polls.close();
  assert.equal(await polls.run(new EventEmitter(), waits), 'at once');
});

it('nothing is kept of one that is over, however it ended', async () => {
  const polls = createPolls();
  await polls.run(new EventEmitter(), async () => 'an answer');
  await assert.rejects(polls.run(new EventEmitter(), () => Promise.reject(new Error('the store is away'))));
  assert.equal(polls.size, 0);
});

it('a gateway makes no signal for a poll of one that outlives it', async () => {
  const memory = createMemoryEngine({ ...generousOptions, shards: 1 });
  const any = mock.method(AbortSignal, 'any');
  let gateway: Gateway | undefined;
  const http = await startHttpApp((app, metrics) => {
    gateway = createGateway({
      ...{ engine: memory, clock: systemClock, log: createLogger({ logLevel: 'silent' }), metrics },
      ...{ heartbeatMs: 15_000, maxStreams: 10, ringMaxBytes: 1 << 20, comparesPerS: 10 },
      ...{ streamBufferBytes: 65_536, streamStallMs: 30_000, streamMaxAgeMs: 0, spreadIntervalMs: 0 },
    });
    gateway.routes(app);
  });
  try {
    assert.equal((await fetch(`${http.url}/c/room/events?format=json`)).status, 200);
    // Undici uses it too, with signals of its own.
    const ours = any.mock.calls.filter(({ stack }) => stack.stack?.includes('src/gateway/'));
    assert.equal(ours.length, 0);
  } finally {
    any.mock.restore();
    gateway!.close();
    await http[Symbol.asyncDispose]();
    await memory.close();
  }
});
