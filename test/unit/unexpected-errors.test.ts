/** An error that nobody expects is 500 and a line of the log, in whatever shape its request came; but not a line each for ever. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, it, mock } from 'node:test';
import { anonymousAccess } from '../../src/access/anonymous.ts';
import { createBucket } from '../../src/bucket/routes.ts';
import { systemClock } from '../../src/clock.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { createMemoryEngine } from '../../src/engine/memory/engine.ts';
import { createErrorLog } from '../../src/http/error-log.ts';
import { createServer, listen } from '../../src/http/server.ts';
import { createLogger } from '../../src/log.ts';
import { createMetrics } from '../../src/metrics.ts';
import { generousOptions } from '../contract/engine/kit.ts';
import { waitFor } from '../support/wait.ts';

const head = 'POST /c/room HTTP/1.1\r\nHost: localhost\r\n';

/** Each as the pieces in which it arrives. */
const shapes: Readonly<Record<string, readonly string[]>> = {
  'one segment': [`${head}Content-Length: 3\r\n\r\ntwo`],
  'head, then body': [`${head}Content-Length: 3\r\n\r\n`, 'two'],
  'split in the head': [head, 'Content-Length: 3\r\n\r\ntwo'],
  'one segment with Change-From': [`${head}Change-From: a.b\r\nChange-Seq: 1\r\nContent-Length: 3\r\n\r\ntwo`],
  chunked: [`${head}Transfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n`],
};

describe('a store that answers with an error of its own', () => {
  for (const [shape, pieces] of Object.entries(shapes)) {
    it(`is 500 and one line of the log: ${shape}`, async () => {
      const memory = createMemoryEngine({ ...generousOptions, shards: 1 });
      const engine: Engine = {
        ...memory,
        append: () => Promise.reject(new Error('WRONGTYPE Operation against a key holding the wrong kind of value')),
      };
      const logged: Record<string, unknown>[] = [];
      const log = createLogger({ logLevel: 'info' }, { write: (line: string) => void logged.push(JSON.parse(line)) });
      const metrics = createMetrics();
      const bucket = createBucket({
        access: anonymousAccess,
        engine,
        clock: systemClock,
        log,
        metrics,
        maxChangeBytes: 10,
        batchMaxChanges: 3,
        batchMaxBytes: 30,
      });
      const config = {
        maxChangeBytes: 10,
        streamStallMs: 30_000,
        maxConnections: 1_000,
        corsOrigins: null,
        loopbackOnly: true,
        publicHosts: null,
        trustProxy: [],
      };
      const app = await createServer({ access: anonymousAccess, config, log, metrics, plainly: bucket.plainly });
      bucket.routes(app);
      let chunks = 0;
      app.server.on('connection', (accepted) => accepted.on('data', () => chunks++));
      const socket = connect(await listen(app, { host: '127.0.0.1', port: 0 }), '127.0.0.1');
      socket.setNoDelay();
      let text = '';
      socket.on('data', (chunk: Buffer) => {
        text += chunk.toString('latin1');
      });
      try {
        for (const [i, piece] of pieces.entries()) {
          await waitFor(() => chunks >= i, { what: 'the piece before to be read' });
          socket.write(piece);
        }
        await waitFor(() => text.includes('}'), { what: 'the answer' });
        assert.match(text, /^HTTP\/1\.1 500 .*"code":"internal"/s);
        assert.equal(logged.filter(({ level }) => level === 'error').length, 1);
      } finally {
        socket.destroy();
        await app.close();
        await memory.close();
      }
    });
  }
});

describe('the log of unexpected errors', () => {
  it('has ten of a kind in a second, and says how many more there were', () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    try {
      const lines: [object, string][] = [];
      const log = createErrorLog({ error: (...line: unknown[]) => lines.push(line as [object, string]), debug() {} });
      for (let i = 0; i < 1_000; i++) log.error(new TypeError(`of ${i}`));
      log.error(new RangeError('once'));
      assert.equal(lines.length, 11);
      mock.timers.tick(1_000);
      assert.deepEqual(lines[11], [{ kind: 'TypeError', leftOut: 990 }, 'more requests met this error']);
      log.error(new TypeError('a second later'));
      mock.timers.tick(1_000);
      assert.equal(lines.length, 13);
      for (let i = 0; i < 1_000; i++) log.error(Object.assign(new Error(), { code: `E${i}` }));
      assert.ok(lines.length < 200, `${lines.length} lines`);
    } finally {
      mock.timers.reset();
    }
  });
});
