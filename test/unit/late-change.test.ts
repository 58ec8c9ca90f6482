/** A change whose body arrives after its 408 is not accepted: its publisher was told that it was not (P5). */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { it } from 'node:test';
import { anonymousAccess } from '../../src/access/anonymous.ts';
import { createBucket } from '../../src/bucket/routes.ts';
import { systemClock } from '../../src/clock.ts';
import type { Change } from '../../src/domain/change.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { createMemoryEngine } from '../../src/engine/memory/engine.ts';
import { createLogger } from '../../src/log.ts';
import { generousOptions } from '../contract/engine/kit.ts';
import { startHttpApp } from '../support/http-app.ts';
import { waitFor } from '../support/wait.ts';

const PATIENCE_MS = 50;

it('is refused, whether its header was there in time or not', async () => {
  const memory = createMemoryEngine({ ...generousOptions, shards: 1 });
  const appended: Change[] = [];
  const engine: Engine = {
    ...memory,
    append(changes) {
      appended.push(...changes);
      return memory.append(changes);
    },
  };
  try {
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
      const { server } = app;
      server.headersTimeout = PATIENCE_MS;
      server.requestTimeout = PATIENCE_MS;
      (server as unknown as { connectionsCheckingInterval: number }).connectionsCheckingInterval = PATIENCE_MS;
    });
    const received: Socket[] = [];
    http.app.server.on('connection', (socket: Socket) => received.push(socket));
    for (const [soon, late] of [
      ['POST /c/room HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\na', 'b'],
      ['POST /c/room HTTP/1.1\r\nHost: localhost\r\n', 'Content-Length: 2\r\n\r\nab'],
    ] as const) {
      const socket = connect({ port: http.port, host: '127.0.0.1', allowHalfOpen: true });
      let text = '';
      socket.on('data', (chunk: Buffer) => {
        text += chunk.toString('latin1');
      });
      socket.on('error', () => {});
      socket.write(soon);
      await waitFor(() => text.startsWith('HTTP/1.1 408'), { what: () => `408, not ${text}` });
      socket.write(late);
      const isRead = () => received.at(-1)!.bytesRead === soon.length + late.length;
      await waitFor(isRead, { what: 'the late part to be read' });
      socket.end();
      await once(socket, 'close');
      assert.equal(appended.length, 0);
      assert.equal(text.split('HTTP/1.1').length, 2, text);
    }
  } finally {
    await memory.close();
  }
});
