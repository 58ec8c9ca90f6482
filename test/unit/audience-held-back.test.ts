/**
 * What conflation holds back is bounded: flushed before its time where it is very much, told in portions, and counted in one
 * budget with all others (P28).
 */
import assert from 'node:assert/strict';
import { afterEach, it, mock } from 'node:test';
import type { Audience } from '../../src/gateway/audience/audience.ts';
import { assemble, BUFFER_BYTES, Log, settle } from '../support/gateway-parts.ts';
import { SlowTransport } from '../support/slow-transport.ts';

const MIB = 1 << 20;
/** The longest that P28 allows: nothing here comes by its time. */
const CONFLATE_MS = 60_000;
const BATCH = 250;
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);
const names = (count: number, from = 0) => upTo(count).map((i) => `n${from + i}.1`);

let opened: Audience | undefined;
/** Its timer would keep the process, also where a test fails. */
afterEach(() => opened?.close());

/** Past the first flush, which comes at once. */
async function open(logs: readonly Log[], heldBackMaxBytes?: number) {
  const parts = await assemble(logs, CONFLATE_MS, () => CONFLATE_MS, heldBackMaxBytes ? { heldBackMaxBytes } : {});
  opened = parts.audience;
  parts.audience.flush();
  await settle();
  return parts;
}

it('ever new names are flushed early, in bounded chunks, each told once', async () => {
  const log = new Log('room', 1_024);
  const { audience, come, budget } = await open([log]);
  const client = come();
  const change = 'x'.repeat(1_000);
  let most = 0;
  for (let i = 0; i < 60; i++) {
    log.commit(names(BATCH, i * BATCH), change);
    most = Math.max(most, budget.bytes);
    await turn();
  }
  // 15 MB have come; twice what one audience may hold, as one flush may be on its way.
  assert.ok(most < 10 * MIB, `${most} bytes were held back`);
  assert.ok(client.lines.length > 60 * BATCH * 0.5, 'it was not flushed');
  assert.ok(client.longest < 300 << 10, `${client.longest} bytes in one chunk`);
  audience.flush();
  for (let i = 0; i < 10; i++) await settle();
  assert.deepEqual(
    client.lines.map(({ offset }) => offset),
    upTo(60 * BATCH),
  );
  assert.equal(budget.bytes, 0);
  audience.close();
});

it('where the budget of all is spent, what comes is told at once', async () => {
  const log = new Log('room', 1_024);
  const { come, budget, audience } = await open([log], 100_000);
  const client = come();
  for (let i = 0; i < 40; i++) {
    log.commit(names(50, i * 50), 'x'.repeat(100));
    await turn();
    assert.ok(budget.bytes < 150_000, `${budget.bytes} bytes are held back`);
  }
  assert.ok(client.lines.length >= 1_500, `${client.lines.length} told`);
  audience.close();
  assert.equal(budget.bytes, 0, 'who has gone holds nothing back');
});

it('an audience that cannot be flushed gives up what it holds back, and its streams read history', async () => {
  const log = new Log('room', 100_000);
  const { come, budget, audience } = await open([log]);
  const client = come();
  // No turn of the loop in between: nothing is flushed.
  for (let i = 0; i < 60; i++) log.commit(names(BATCH, i * BATCH), 'x'.repeat(1_000));
  assert.ok(budget.bytes < 9 * MIB, `${budget.bytes} bytes are held back`);
  for (let i = 0; i < 20; i++) await settle();
  audience.flush();
  const isAtHead = () => client.last.includes(`"offset":${60 * BATCH},`);
  for (let i = 0; i < 500 && !isAtHead(); i++) await settle();
  assert.deepEqual(
    client.lines.map(({ offset }) => offset),
    upTo(60 * BATCH),
  );
  audience.close();
  assert.equal(budget.bytes, 0);
});

it('who comes between two flushes gets what was held back in portions, no faster than it takes them', async () => {
  const log = new Log('room', 1_024);
  const { audience, connect, come } = await open([log]);
  come();
  const reader = new SlowTransport(100_000);
  log.commit(['old.1']);
  audience.flush();
  // Behind the audience, as who comes back is, and the next flush is not due.
  log.commit(['ann.1']);
  connect(reader, [0]);
  const deaf = new SlowTransport(0);
  connect(deaf, [0]);
  const late = new SlowTransport(1 << 30);
  for (let i = 0; i < 8; i++) log.commit(names(BATCH, i * BATCH), 'x'.repeat(1_000));
  connect(late, [1_991]);
  await settle();
  assert.deepEqual(
    [reader, deaf, late].map(({ writes }) => writes.length),
    [0, 0, 0],
    'before its time',
  );
  audience.flush();
  for (let i = 0; i < 200 && reader.lines.length < 2_002; i++) {
    reader.take();
    await settle();
  }
  assert.deepEqual(
    reader.lines.map(({ offset }) => offset),
    upTo(2_002),
  );
  assert.deepEqual(
    late.lines.map(({ offset }) => offset),
    upTo(2_002).slice(1_991),
  );
  const longest = Math.max(...[...reader.writes, ...late.writes].map((bytes) => Buffer.byteLength(bytes)));
  assert.ok(longest <= 3 * BUFFER_BYTES, `${longest} bytes in one write`);
  assert.ok(deaf.waitingBytes <= 3 * BUFFER_BYTES, `${deaf.waitingBytes} bytes wait`);
  log.commit(['ann.1']);
  audience.flush();
  await settle();
  for (const { lines } of [reader, late]) assert.equal(lines.at(-1)!.offset, 2_003, 'they have joined');
  audience.close();
});

it('what a flush told is kept for a while for who waited for it, and then read from history', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    const log = new Log('room', 1_024);
    const { audience, connect, budget } = await open([log]);
    log.commit(['old.1']);
    audience.flush();
    log.commit(['ann.1']);
    const reader = new SlowTransport(100_000);
    connect(reader, [0]);
    log.commit(names(BATCH), 'x'.repeat(1_000));
    await settle();
    audience.flush();
    await settle();
    assert.ok(reader.isFull && reader.lines.length < 2 + BATCH, 'it has not been told all');
    assert.ok(budget.bytes > BATCH * 1_000, `${budget.bytes} bytes are kept for it`);
    mock.timers.tick(2_000);
    assert.equal(budget.bytes, 0, 'nobody is waited for any longer');
    for (let i = 0; i < 50 && reader.lines.length < 2 + BATCH; i++) {
      reader.take();
      await settle();
    }
    assert.deepEqual(
      reader.lines.map(({ offset }) => offset),
      upTo(2 + BATCH),
    );
  } finally {
    mock.timers.reset();
  }
});
