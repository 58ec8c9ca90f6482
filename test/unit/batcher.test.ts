/** The batcher: what goes into one call of the engine, and when. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { createBatcher } from '../../src/bucket/batcher.ts';
import { systemClock } from '../../src/clock.ts';
import type { Change } from '../../src/domain/change.ts';
import type { AppendOutcome, Engine } from '../../src/engine/engine.ts';
import { createMetrics } from '../../src/metrics.ts';
import { channelOn } from '../contract/engine/kit.ts';

const ONE = new Uint8Array([1]);
const MIB = 1 << 20;
const changeOf = (channel: string, bytes = ONE): Change => ({ channel, from: '', seq: 0, acceptedMs: 0, bytes });

interface Call {
  readonly channels: string[];
  answer(): void;
  fail(): void;
}

/** No time passes but what a test lets pass: on a busy machine a turn takes longer than the batcher gathers. */
beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }));
afterEach(() => mock.timers.reset());

function bench(store: Partial<Engine> = {}) {
  const calls: Call[] = [];
  const settled: string[] = [];
  const append = (changes: readonly Change[]) =>
    new Promise<AppendOutcome[]>((resolve, reject) => {
      calls.push({
        channels: changes.map(({ channel }) => channel),
        answer: () => resolve(changes.map(() => 'accepted')),
        fail: () => reject(new Error('away')),
      });
    });
  const batcher = createBatcher({
    engine: { ...store, append } as Engine,
    metrics: createMetrics(),
    clock: systemClock,
  });
  const send = (...channels: string[]) => {
    for (const channel of channels) {
      batcher.append(changeOf(channel), (error, outcome) => settled.push(`${channel} ${error?.message ?? outcome}`));
    }
  };
  return { calls, settled, batcher, send, channels: () => calls.map((call) => call.channels) };
}

it('the changes of a turn go in one call, at its end', async () => {
  const { send, channels } = bench();
  send('a', 'b');
  assert.deepEqual(channels(), []);
  await turn();
  assert.deepEqual(channels(), [['a', 'b']]);
});

it('while two calls are under way the next turns gather, and go when one is answered', async () => {
  const { send, channels, calls, settled } = bench();
  for (const channel of ['a', 'b', 'c', 'd']) {
    send(channel);
    await turn();
  }
  assert.deepEqual(channels(), [['a'], ['b']]);
  calls[0]!.answer();
  await turn();
  await turn();
  await turn();
  assert.deepEqual(channels(), [['a'], ['b'], ['c', 'd']]);
  assert.deepEqual(settled, ['a accepted']);
});

it('a call that failed takes only its own changes with it', async () => {
  const { send, channels, calls, settled, batcher } = bench();
  send('a');
  await turn();
  send('b');
  calls[0]!.fail();
  await turn();
  await turn();
  assert.deepEqual(channels(), [['a'], ['b']]);
  calls[1]!.answer();
  await batcher.quiesce();
  assert.deepEqual(settled, ['a away', 'b accepted']);
});

it('nothing waits long for calls that are not answered', async () => {
  const { send, channels } = bench();
  for (const channel of ['a', 'b', 'c', 'd']) {
    send(channel);
    await turn();
    mock.timers.tick(1);
  }
  assert.deepEqual(channels(), [['a'], ['b'], ['c'], ['d']]);
});

it('a thousand go at once, whatever is under way', async () => {
  const { send, channels } = bench();
  for (const channel of ['first', 'second']) {
    send(channel);
    await turn();
  }
  send(...Array.from({ length: 1001 }, (_, i) => `c${i}`));
  assert.deepEqual(
    channels().map(({ length }) => length),
    [1, 1, 1000],
  );
  await turn();
  mock.timers.tick(1);
  assert.deepEqual(channels()[3], ['c1000']);
});

it('a call has about a mebibyte, and of changes that nobody answers no more are kept than 64', async () => {
  const { batcher, calls, channels, settled } = bench();
  const large = new Uint8Array(MIB / 2);
  const refused: string[] = [];
  for (let i = 0; i < 130; i++) {
    batcher.append(changeOf(`c${i}`, large), (error) => error && refused.push(`c${i} ${error.message}`));
  }
  await turn();
  assert.deepEqual(
    refused,
    [128, 129].map((i) => `c${i} too many changes wait for an answer`),
  );
  assert.equal(calls.length, 64);
  assert.deepEqual(channels()[1], ['c2', 'c3']);
  for (const { answer } of calls) answer();
  await batcher.quiesce();
  batcher.append(changeOf('again', large), (error, outcome) => settled.push(`${error?.message ?? outcome}`));
  mock.timers.tick(1);
  await turn();
  calls[64]!.answer();
  await batcher.quiesce();
  assert.deepEqual(settled, ['accepted']);
});

describe('changes that are to be taken whole', () => {
  const whole = (count: number, bytes = ONE) => Array.from({ length: count }, () => changeOf('whole', bytes));

  it('go with the others of the turn, in their order, and are settled together', async () => {
    const { batcher, send, calls, channels, settled } = bench();
    send('a');
    batcher.appendWhole(whole(3), (error, outcome) => settled.push(`whole ${error?.message ?? outcome}`));
    send('b');
    await turn();
    assert.deepEqual(channels(), [['a', 'whole', 'whole', 'whole', 'b']]);
    calls[0]!.answer();
    await batcher.quiesce();
    assert.deepEqual(settled, ['a accepted', 'whole accepted', 'b accepted']);
  });

  it('alone are a call', async () => {
    const { batcher, calls, channels, settled } = bench();
    batcher.appendWhole(whole(2), (error, outcome) => settled.push(`whole ${error?.message ?? outcome}`));
    await turn();
    assert.deepEqual(channels(), [['whole', 'whole']]);
    calls[0]!.fail();
    await batcher.quiesce();
    assert.deepEqual(settled, ['whole away']);
  });

  for (const [what, others, changes] of [
    ['changes', 600, whole(401)],
    ['bytes', 900, whole(200, new Uint8Array(1 << 10))],
  ] as const) {
    it(`are in one call, where with the others they would have too many ${what}`, async () => {
      const { batcher, calls, channels } = bench();
      const other = changeOf('other', what === 'bytes' ? new Uint8Array(1 << 10) : ONE);
      for (let i = 0; i < others; i++) batcher.append(other, () => {});
      batcher.appendWhole(changes, () => {});
      await turn();
      assert.deepEqual(
        channels().map((of) => [of.length, new Set(of).size]),
        [
          [others, 1],
          [changes.length, 1],
        ],
      );
      for (const { answer } of calls) answer();
      await batcher.quiesce();
    });
  }
});

describe('where shards fail apart', () => {
  const SHARDS = 4;
  const apart = { shards: SHARDS, shardsFailApart: true };
  const [a, again, b, c] = [0, 0, 1, 2].map((shard) => channelOn(shard, SHARDS)) as [string, string, string, string];

  it('the changes of a turn go in a call for each shard, and each is settled when it is answered', async () => {
    const { send, channels, calls, settled } = bench(apart);
    send(a, b, again, c);
    await turn();
    assert.deepEqual(channels(), [[a, again], [b], [c]]);
    calls[1]!.answer();
    calls[0]!.fail();
    await turn();
    assert.deepEqual(settled, [`${b} accepted`, `${a} away`, `${again} away`]);
  });

  it('calls of one shard that are not answered keep no other waiting', async () => {
    const { send, channels, calls } = bench(apart);
    for (let i = 0; i < 4; i++) {
      send(a);
      await turn();
    }
    assert.deepEqual(channels(), [[a], [a]]);
    send(b);
    await turn();
    assert.deepEqual(channels(), [[a], [a], [b]]);
    calls[0]!.answer();
    await turn();
    await turn();
    await turn();
    assert.deepEqual(channels()[3], [a, a]);
  });

  for (const [what, bytes, most] of [
    ['changes', 1, 10_000],
    ['bytes', MIB / 2, 64],
  ] as const) {
    it(`there is room in ${what} for the others when one is not answered`, async () => {
      const { batcher, calls } = bench(apart);
      let refused = 0;
      const send = (channel: string, count: number) => {
        const change = changeOf(channel, new Uint8Array(bytes));
        for (let i = 0; i < count; i++) batcher.append(change, (error) => error && refused++);
      };
      send(a, most);
      assert.equal(refused, 0);
      send(a, 10);
      assert.equal(refused, 10, 'half of it is the most that one shard may have');
      send(b, most / 4);
      assert.equal(refused, 10);
      send(b, most / SHARDS + 10);
      assert.equal(refused, 20, 'beyond its part when there is little');
      for (const { answer } of calls) answer();
      await turn();
      mock.timers.tick(1);
      await turn();
      for (const { answer } of calls) answer();
      await batcher.quiesce();
      send(a, 1);
      assert.equal(refused, 20);
    });
  }
});
