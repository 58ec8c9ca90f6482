/** A stream that is asked for behind a request without its answer: it is answered too, and the connection goes on. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { it } from 'node:test';
import { unlimited } from '../../src/access/limiter.ts';
import { systemClock } from '../../src/clock.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { createMemoryEngine } from '../../src/engine/memory/engine.ts';
import { createGateway, type Gateway } from '../../src/gateway/gateway.ts';
import { createLogger } from '../../src/log.ts';
import { generousOptions } from '../contract/engine/kit.ts';
import { startHttpApp } from '../support/http-app.ts';
import { waitFor } from '../support/wait.ts';

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;

it('is told to wait, and served when it has', async () => {
  const memory = createMemoryEngine({ ...generousOptions, shards: 1 });
  let subscribed = 0;
  const engine: Engine = {
    ...memory,
    subscribe(...asked) {
      subscribed++;
      return memory.subscribe(...asked);
    },
  };
  let answer = () => {};
  const isAnswered = new Promise<string>((resolve) => {
    answer = () => resolve('at last');
  });
  let gateway: Gateway | undefined;
  const http = await startHttpApp((app, metrics) => {
    gateway = createGateway({
      ...{ engine, clock: systemClock, log: createLogger({ logLevel: 'silent' }), metrics, seats: unlimited.seats },
      ...{
        maxChangeBytes: 1_024,
        batchMaxChanges: 100,
        batchMaxBytes: 65_536,
        dedupeTtlMs: 60_000,
        heartbeatMs: 15_000,
        maxStreams: 10,
        maxConnections: 100,
        ringMaxBytes: 1 << 20,
      },
      ...{ streamBufferBytes: 65_536, streamStallMs: 30_000, streamMaxAgeMs: 0, spreadIntervalMs: 0 },
    });
    gateway.routes(app);
    app.get('/slow', { config: { right: 'open' } }, () => isAnswered);
  });
  const socket = connect(http.port, '127.0.0.1');
  try {
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    socket.write(get('/slow') + get('/c/room/events'));
    const isOver = () => subscribed > 0 && gateway!.load().streams === 0;
    await waitFor(isOver, { what: 'the stream to be tried' });
    assert.equal(text, '');
    answer();
    await waitFor(() => text.includes('A stream begins when'), { what: () => `both answers, not ${text}` });
    assert.ok(text.indexOf('at last') < text.indexOf('HTTP/1.1 400'));
    socket.write(get('/c/room/events'));
    await waitFor(() => text.includes('event: $sync'), { what: () => `the stream, not ${text}` });
  } finally {
    answer();
    socket.destroy();
    gateway!.close();
    await http[Symbol.asyncDispose]();
    await memory.close();
  }
});
