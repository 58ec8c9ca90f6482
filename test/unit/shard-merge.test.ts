/** A shard's merge over the memory engine: when it asks the store what there is, and when it takes a wake's word for it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Clock } from '../../src/clock.ts';
import type { Change } from '../../src/domain/change.ts';
import type { Commit, Engine, Evidence, Found, LoadWish } from '../../src/engine/engine.ts';
import { createMemoryEngine } from '../../src/engine/memory/engine.ts';
import { createLogger } from '../../src/log.ts';
import { Memory } from '../../src/merger/memory.ts';
import { createReducerFor } from '../../src/merger/reducers/patterns.ts';
import { ShardMerge } from '../../src/merger/shard-merge.ts';
import { Share } from '../../src/merger/share.ts';
import { createMetrics } from '../../src/metrics.ts';
import { generousOptions, weightOf } from '../contract/engine/kit.ts';

const LEASE_MS = 1_000;

const changeOf = (text: string): Change => {
  return { channel: 'room', from: '', seq: 0, acceptedMs: 0, bytes: Buffer.from(text) };
};

async function startBench(reducer: 'log' | 'latest' = 'log', stateMaxBytes = 1_000) {
  let nowMs = 0;
  const clock: Clock = { wallMs: () => nowMs, elapsedMs: () => nowMs };
  const memory = createMemoryEngine({ ...generousOptions, shards: 1 }, clock);
  let peeks = 0;
  const loads: LoadWish[] = [];
  const commits: Commit[] = [];
  const evidence: Evidence[] = [];
  const engine: Engine = {
    ...memory,
    peek(...asked) {
      peeks++;
      return memory.peek(...asked);
    },
    load(shard, wishes) {
      loads.push(...wishes);
      return memory.load(shard, wishes);
    },
    commit(shard, commit) {
      commits.push(commit);
      return memory.commit(shard, commit);
    },
    renew(shard, epoch, seen) {
      evidence.push(seen);
      return memory.renew(shard, epoch, seen);
    },
  };
  const metrics = createMetrics();
  const merge = new ShardMerge(0, {
    engine,
    log: createLogger({ logLevel: 'silent' }),
    metrics,
    clock,
    leaseMs: LEASE_MS,
    reducerFor: createReducerFor([{ pattern: '*', reducer }]),
    stateMaxBytes,
    memory: new Memory(1 << 20),
    share: new Share(1, { mergers: 1, place: 0 }),
  });
  await merge.round();
  peeks = 0;
  return {
    merge,
    engine,
    passMs(ms: number) {
      nowMs += ms;
    },
    /** Appends, and what a wake would tell of it; `behind` commits late. */
    async wakeBy(text: string, behind = 0): Promise<Found> {
      const { epoch, rev } = await shardOf(memory);
      await memory.append([changeOf(text)]);
      return { epoch, rev: rev - behind, entries: [{ kind: 'change', change: changeOf(text) }] };
    },
    peeks: () => peeks,
    /** Names of what was loaded since it was last asked. */
    loaded: () => loads.splice(0).map(({ channel }) => channel),
    commits,
    evidence,
    /** Changes that come, each with its round. */
    async put(...texts: readonly string[]) {
      await memory.append(texts.map(changeOf));
    },
    inboxEntries: async () => (await metrics.inboxEntries.get()).values.map(({ value }) => value),
    async texts() {
      const page = await memory.readHistory('room', null, 100);
      assert.ok(page.kind === 'events');
      return page.events.map(({ bytes }) => String(bytes));
    },
  };
}

async function shardOf(engine: Engine): Promise<{ epoch: string; rev: number }> {
  const { log } = await engine.readHistory('room', null, 0);
  const { rev } = await engine.load(0, []);
  return { epoch: log.epoch, rev };
}

it('what a wake found is merged without asking, one after the other', async () => {
  const bench = await startBench();
  for (const text of ['1', '2', '3']) assert.equal(await bench.merge.round(await bench.wakeBy(text)), 'idle');
  assert.deepEqual(await bench.texts(), ['1', '2', '3']);
  assert.equal(bench.peeks(), 0);
});

it('what was found before the last commit is not believed: the inbox is read', async () => {
  const bench = await startBench();
  await bench.merge.round(await bench.wakeBy('1'));
  const found = await bench.wakeBy('2', 1);
  await bench.merge.round({ ...found, entries: [{ kind: 'change', change: changeOf('1') }] });
  assert.deepEqual(await bench.texts(), ['1', '2']);
  assert.equal(bench.peeks(), 1);
});

it('nor what was found in another epoch', async () => {
  const bench = await startBench();
  await bench.merge.round({ ...(await bench.wakeBy('1')), epoch: 'zzzzzz' });
  assert.deepEqual([await bench.texts(), bench.peeks()], [['1'], 1]);
});

it('the lease is asked for again while a half of it is left', async () => {
  const bench = await startBench();
  bench.passMs(LEASE_MS / 4);
  await bench.merge.round(await bench.wakeBy('1'));
  assert.equal(bench.peeks(), 0);
  bench.passMs(1);
  await bench.merge.round(await bench.wakeBy('2'));
  assert.deepEqual([await bench.texts(), bench.peeks()], [['1', '2'], 1]);
});

it('after any doubt the inbox is read', async () => {
  const bench = await startBench();
  bench.merge.failed();
  await bench.merge.round(await bench.wakeBy('1'));
  assert.deepEqual([await bench.texts(), bench.peeks()], [['1'], 1]);
});

describe('of a round that failed', () => {
  const of = (channel: string, text: string): Change => ({ ...changeOf(text), channel });

  /** Two channels that are known, and a commit for the second that fails. */
  async function startFailing(commitLost: (commit: () => Promise<unknown>) => Promise<unknown>) {
    const bench = await startBench();
    await bench.engine.append([of('other', '1'), of('room', '1')]);
    await bench.merge.round();
    const { commit } = bench.engine;
    bench.engine.commit = async (...asked) => {
      bench.engine.commit = commit;
      await commitLost(() => commit(...asked));
      throw new Error('no answer');
    };
    await bench.put('2');
    await assert.rejects(bench.merge.round(), /no answer/);
    bench.merge.failed();
    bench.loaded();
    return bench;
  }

  async function mergeBoth(bench: Awaited<ReturnType<typeof startBench>>) {
    await bench.engine.append([of('other', '2'), of('room', '3')]);
    while ((await bench.merge.round()) === 'again');
    return [await bench.texts(), bench.loaded().sort()];
  }

  it('what it used is read again, and of the others nothing', async () => {
    const bench = await startFailing(async () => {});
    assert.deepEqual(await mergeBoth(bench), [['1', '2', '3'], ['room']]);
  });

  it('all is read again where it was committed after all', async () => {
    const bench = await startFailing((commit) => commit());
    assert.deepEqual(await mergeBoth(bench), [
      ['1', '2', '3'],
      ['other', 'room'],
    ]);
  });

  it('all is read again where another may have had the lease, whatever the shard looks like', async () => {
    const bench = await startFailing(async () => {});
    bench.passMs(LEASE_MS / 2 + 1);
    assert.deepEqual(await mergeBoth(bench), [
      ['1', '2', '3'],
      ['other', 'room'],
    ]);
  });
});

it('a shard that gets many at once, twice in a row, waits for company; one that did once does not', async () => {
  const bench = await startBench();
  const results: unknown[] = [];
  for (const count of [4, 4, 3, 4, 40, 0]) {
    if (count > 0) await bench.engine.append(Array.from({ length: count }, () => changeOf('x')));
    results.push(await bench.merge.round());
  }
  assert.deepEqual(results, ['idle', 4, 'idle', 'idle', 20, 'idle']);
});

it('what has expired goes also while there is no end of changes', async () => {
  const bench = await startBench();
  const idle = { ...changeOf('x'), channel: 'idle' };
  await bench.engine.append([idle]);
  await bench.merge.round();
  for (let i = 0; i < 4; i++) {
    bench.passMs(generousOptions.channelIdleMs / 4 + 1);
    await bench.put('1', '2', '3', '4');
    const result = await bench.merge.round();
    if (i > 0) assert.equal(result, 4, 'a shard that waits for company');
  }
  const { channels } = await bench.engine.load(0, [{ channel: 'idle', froms: [], withState: false }]);
  assert.equal(channels[0]!.head, null);
});

it("who finds the lease to be another's tells once what it was confirmed, and what waits is not its to say", async () => {
  const bench = await startBench();
  await bench.put('1');
  await bench.merge.round();
  const { rev } = await shardOf(bench.engine);
  assert.deepEqual(await bench.inboxEntries(), [0]);
  bench.passMs(LEASE_MS);
  const other = { token: 'another', ms: LEASE_MS };
  await bench.engine.peek(0, other, { maxEntries: 1, maxBytes: 1 });
  for (let i = 0; i < 3; i++) assert.equal(await bench.merge.round(), 'held');
  assert.deepEqual(
    bench.evidence.map((each) => each.kind === 'rev' && each.rev),
    [rev],
  );
  assert.deepEqual(await bench.inboxEntries(), []);
  bench.passMs(LEASE_MS);
  assert.equal(await bench.merge.round(), 'idle');
  await bench.engine.release(0, 'another');
  assert.deepEqual(await bench.inboxEntries(), [0]);
});

it('what is too much for one call is merged in parts', async () => {
  const bench = await startBench();
  const { load } = bench.engine;
  const sizes: number[] = [];
  bench.engine.load = (shard, wishes) => {
    sizes.push(wishes.length);
    return wishes.length > 10 ? Promise.reject(new Error('too slow')) : load(shard, wishes);
  };
  await bench.engine.append(Array.from({ length: 64 }, (_, i) => ({ ...changeOf('x'), channel: `room-${i}` })));
  let failures = 0;
  for (let i = 0; i < 40; i++) {
    await bench.merge.round().catch(() => {
      failures++;
      bench.merge.failed();
    });
  }
  const loaded = await load(
    0,
    Array.from({ length: 64 }, (_, i) => ({ channel: `room-${i}`, froms: [], withState: false })),
  );
  assert.ok(
    loaded.channels.every(({ head }) => head !== null),
    `${failures} failures, loads of ${sizes}`,
  );
});

it('takes at most 200 channels in one commit, and what was read with them without reading it again', async () => {
  const bench = await startBench();
  const changes = Array.from({ length: 500 }, (_, i) => ({ ...changeOf(`${i}`), channel: `room-${i % 450}` }));
  await bench.engine.append(changes);
  for (let i = 0; i < 3; i++) await bench.merge.round();
  assert.deepEqual(
    bench.commits.map(({ channels, entries }) => [channels.length, entries]),
    [
      [200, 200],
      [200, 200],
      [100, 100],
    ],
  );
  assert.equal(bench.peeks(), 1);
  const page = await bench.engine.readHistory('room-7', null, 10);
  assert.ok(page.kind === 'events');
  assert.deepEqual(
    page.events.map(({ bytes }) => String(bytes)),
    ['7', '457'],
  );
});

it('does not believe what it had read when its lease may have ended', async () => {
  const bench = await startBench();
  await bench.engine.append(Array.from({ length: 300 }, (_, i) => ({ ...changeOf('x'), channel: `room-${i}` })));
  await bench.merge.round();
  bench.passMs(LEASE_MS / 2);
  await bench.merge.round();
  assert.deepEqual([bench.peeks(), bench.commits.length], [2, 2]);
});

it('knows after a sweep of its own all that the sweep did not forget', async () => {
  const bench = await startBench();
  const seq = { from: 'p.1', seq: 1 };
  await bench.engine.append([{ ...changeOf('x'), channel: 'idle', ...seq }]);
  await bench.merge.round();
  bench.passMs(generousOptions.channelIdleMs / 2);
  await bench.engine.append([
    { ...changeOf('x'), channel: 'kept', ...seq },
    { ...changeOf('x'), channel: 'idle', from: 'q.1', seq: 1 },
  ]);
  await bench.merge.round();
  bench.passMs(generousOptions.dedupeTtlMs / 2 + 1);
  bench.loaded();
  const { rev } = await shardOf(bench.engine);
  await bench.merge.round();
  assert.equal((await shardOf(bench.engine)).rev, rev + 1, 'the first publisher was forgotten');
  await bench.engine.append([{ ...changeOf('y'), channel: 'kept', from: 'p.1', seq: 2 }]);
  await bench.merge.round();
  assert.deepEqual(bench.loaded(), [], 'the other one is known');
  await bench.engine.append([{ ...changeOf('y'), channel: 'idle', ...seq }]);
  await bench.merge.round();
  assert.deepEqual(bench.loaded(), ['idle'], 'and nobody believes to know the one that is gone');
  const page = await bench.engine.readHistory('idle', null, 10);
  assert.equal(page.kind === 'events' && page.events.length, 3);
});

it('reads a large state apart, and folds it as any other', async () => {
  const bench = await startBench('latest', 1 << 20);
  const large = (name: number) => ({ ...changeOf('x'.repeat(900)), from: `n${name}.1`, seq: 1 });
  const put = async (...changes: readonly Change[]) => {
    await bench.engine.append(changes);
    while ((await bench.merge.round()) !== 'idle') bench.passMs(1);
  };
  await put(...Array.from({ length: 200 }, (_, i) => large(i)));
  bench.merge.failed();
  bench.loaded();
  await put({ ...changeOf('new'), from: 'n7.2', seq: 1 });
  assert.deepEqual(bench.loaded(), ['room']);
  const { state, offset } = await bench.engine.readState('room');
  assert.deepEqual([state.size, offset, String(state.get('n7')!.bytes)], [200, 201, 'new']);
  assert.equal(bench.commits.at(-1)!.channels[0]!.stateBytes, weightOf(state));
});

it('folds in parts what needs many large states', async () => {
  const bench = await startBench('latest', 4 << 20);
  const bytes = Buffer.alloc(1 << 20, 1);
  const changes = (text: Buffer) =>
    Array.from({ length: 24 }, (_, i) => ({ ...changeOf(''), bytes: text, channel: `room-${i}`, from: 'a.1', seq: 1 }));
  for (const change of changes(bytes)) {
    await bench.engine.append([change]);
    await bench.merge.round();
  }
  bench.merge.failed();
  const before = bench.commits.length;
  await bench.engine.append(changes(Buffer.from('x')).map((change) => ({ ...change, seq: 2 })));
  const results: unknown[] = [];
  while (results.at(-1) !== 'idle') results.push(await bench.merge.round());
  const entries = bench.commits.slice(before).map((commit) => commit.entries);
  assert.ok(entries.length >= 2 && entries.every((count) => count <= 10), `${entries}`);
  assert.equal(
    entries.reduce((sum, count) => sum + count),
    24,
  );
});
