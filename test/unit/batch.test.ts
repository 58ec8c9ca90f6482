/** Batches, before anything is stored: whole or refused, and bounded while they are being received (P41). */
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { anonymousAccess } from '../../src/access/anonymous.ts';
import { acceptBatch } from '../../src/bucket/batch/batch.ts';
import { oneLargeATurn } from '../../src/bucket/batch/reading.ts';
import { createBucket } from '../../src/bucket/routes.ts';
import { systemClock } from '../../src/clock.ts';
import { createMemoryEngine } from '../../src/engine/memory/engine.ts';
import { createLogger } from '../../src/log.ts';
import { generousOptions } from '../contract/engine/kit.ts';
import { linesWith, packedWith } from '../contract/protocol/batch-kit.ts';
import { request } from '../support/http.ts';
import { startHttpApp } from '../support/http-app.ts';
import { waitFor } from '../support/wait.ts';

const MIB = 1 << 20;
const limits = { maxChanges: 3, maxBytes: 100, maxChangeBytes: 10 };
const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

function accept(body: string | Buffer, seq: string | undefined = '1') {
  const contentType = typeof body === 'string' ? undefined : 'application/msgpack';
  const sender = { method: 'POST', channel: 'room', from: 'a.1', seq, traceparent: trace };
  return acceptBatch({ ...sender, body: Buffer.from(body), contentType }, limits, 7);
}

describe('a batch', () => {
  it('is changes with consecutive seqs, each with the trace', () => {
    const common = { channel: 'room', from: 'a.1', acceptedMs: 7, trace };
    for (const body of [linesWith('a', 'b'), packedWith('a', 'b')]) {
      assert.deepEqual(
        accept(body, '5').map(({ bytes, ...rest }) => ({ ...rest, text: Buffer.from(bytes).toString() })),
        [
          { ...common, seq: 5, text: 'a' },
          { ...common, seq: 6, text: 'b' },
        ],
      );
    }
  });

  it('is refused for what is wrong with any of its changes', () => {
    for (const [code, ...changes] of [
      ['empty_change', 'a', ''],
      ['change_too_large', 'a', 'x'.repeat(limits.maxChangeBytes + 1)],
      ['batch_too_large', 'a', 'b', 'c', 'd'],
    ] as const) {
      assert.throws(() => accept(linesWith(...changes)), { code });
      assert.throws(() => accept(packedWith(...changes)), { code });
    }
  });

  it('has seqs up to the largest, though floating point knows no other above that', () => {
    const { MAX_SAFE_INTEGER } = Number;
    assert.equal(accept(linesWith('a', 'b', 'c'), String(MAX_SAFE_INTEGER - 2)).at(-1)!.seq, MAX_SAFE_INTEGER);
    for (const seq of [MAX_SAFE_INTEGER - 1, MAX_SAFE_INTEGER]) {
      assert.throws(() => accept(linesWith('a', 'b', 'c'), String(seq)), { code: 'bad_seq' });
    }
  });

  it('that is large waits for the turn of the event loop that it has for itself', async () => {
    const enter = oneLargeATurn() as unknown as (request: object, reply: null, done: () => void) => void;
    const entered: string[] = [];
    const come = (name: string, bytes: number) =>
      enter({ body: Buffer.alloc(bytes), query: { batch: '1' } }, null, () => void entered.push(name));
    for (const name of ['a', 'b', 'c']) come(name, (64 << 10) + 1);
    come('small', 64 << 10);
    assert.deepEqual(entered, ['small']);
    for (const expected of ['a', 'b', 'c']) {
      await turn();
      assert.equal(entered.at(-1), expected);
    }
    come('d', MIB);
    await turn();
    assert.deepEqual(entered, ['small', 'a', 'b', 'c', 'd']);
  });

  it('is refused while too much of others is being received, and not after', async () => {
    const engine = createMemoryEngine({ ...generousOptions, shards: 1 });
    await using http = await startHttpApp((app, metrics) => {
      const log = createLogger({ logLevel: 'silent' });
      const deps = { access: anonymousAccess, engine, clock: systemClock, log, metrics };
      createBucket({ ...deps, maxChangeBytes: 10, batchMaxChanges: 3, batchMaxBytes: MIB }).routes(app);
    });
    const begun: Socket[] = [];
    const begin = (fields: string) => {
      const socket = connect(http.port, '127.0.0.1').on('error', () => {});
      begun.push(socket);
      socket.write(`POST /c/room?from=a.1&seq=1&batch=1 HTTP/1.1\r\nHost: 127.0.0.1\r\n${fields}\r\n\r\n`);
    };
    const init = { method: 'POST', body: linesWith('a') };
    const send = async () => (await request(http.url, '/c/room?from=b.1&seq=1&batch=1', init)).status;
    try {
      for (let i = 0; i < 63; i++) begin(`Content-Length: ${MIB}`);
      assert.equal(await send(), 204);
      begin('Transfer-Encoding: chunked');
      await waitFor(async () => (await send()) === 503, { what: 'a batch to be refused' });
      const one = await request(http.url, '/c/room?from=b.1&seq=2', { method: 'POST', body: 'x' });
      assert.equal(one.status, 204, 'a change of its own is not');
      begun[0]!.destroy();
      await waitFor(async () => (await send()) === 204, { what: 'a batch to be accepted' });
    } finally {
      for (const socket of begun) socket.destroy();
      await engine.close();
    }
  });
});
