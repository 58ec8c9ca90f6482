/** How the hubs of a gateway are compared: by shard, the readers' first, few calls at a time, and only what has changed. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { systemClock } from '../../src/clock.ts';
import { shardOf } from '../../src/domain/channel.ts';
import type { ChannelObserver, Engine } from '../../src/engine/engine.ts';
import { createMemoryEngine } from '../../src/engine/memory/engine.ts';
import { EngineUnavailable } from '../../src/errors.ts';
import { Comparer } from '../../src/gateway/hub/comparer.ts';
import { Hub } from '../../src/gateway/hub/hub.ts';
import { Served } from '../../src/gateway/hub/served.ts';
import { createTurns } from '../../src/gateway/turns.ts';
import { type Bench, generousOptions, opener } from '../contract/engine/kit.ts';
import { noRest, settle } from '../support/gateway-parts.ts';
import { waitFor } from '../support/wait.ts';

const SHARDS = 4;
const ROUND_MS = 2_500;
/** A call that takes longer does not keep others waiting. */
const LATE_MS = 250;

const open = opener(async (options) => {
  const engine = createMemoryEngine({ ...generousOptions, shards: SHARDS, ...options });
  return { engine, close: () => engine.close() };
});

let bench: Bench;
let engine: Engine;
let comparer: Comparer;
let gateways: number;
let hubs: Hub[];
const observers = new Map<string, ChannelObserver>();
/** Nothing that is published to these arrives. */
const deaf = new Set<string>();
const calls = {
  changes: [] as number[],
  tails: [] as string[][],
  renewals: 0,
  histories: 0,
  underWay: 0,
  mostUnderWay: 0,
};
/** What a call of a shard waits for. */
let answer: (shard: number) => Promise<void>;

async function counted<T>(shard: number, call: () => Promise<T>): Promise<T> {
  calls.mostUnderWay = Math.max(calls.mostUnderWay, ++calls.underWay);
  try {
    await answer(shard);
    return await call();
  } finally {
    calls.underWay--;
  }
}

beforeEach(async () => {
  calls.underWay = 0;
  observers.clear();
  deaf.clear();
  hubs = [];
  gateways = 1;
  answer = settle;
  bench = await open();
  engine = {
    ...bench.engine,
    readChanges: (shard, ...asked) => {
      calls.changes.push(shard);
      return counted(shard, () => bench.engine.readChanges(shard, ...asked));
    },
    readTails: (shard, wanted, ...asked) => {
      calls.tails.push(wanted.map(({ channel }) => channel));
      return counted(shard, () => bench.engine.readTails(shard, wanted, ...asked));
    },
    readHistory: (...asked) => {
      calls.histories++;
      return bench.engine.readHistory(...asked);
    },
    renew: (...asked) => {
      calls.renewals++;
      return bench.engine.renew(...asked);
    },
    subscribe(channel, observer) {
      observers.set(channel, observer);
      return bench.engine.subscribe(channel, {
        published: (...news) => deaf.has(channel) || observer.published(...news),
        suspect: () => observer.suspect(),
      });
    },
  };
  comparer = new Comparer({
    ...{ engine, turns: createTurns(systemClock, noRest), gateways: () => gateways, onError: () => {} },
  });
});

afterEach(async () => {
  for (const hub of hubs) hub.close();
  comparer.close();
  await bench[Symbol.asyncDispose]();
});

function forgetCalls(): void {
  Object.assign(calls, { changes: [], tails: [], renewals: 0, histories: 0, mostUnderWay: 0 });
}

/** Hubs of channels that have an event each, compared once. */
async function openHubs(count: number, shard?: number): Promise<Hub[]> {
  for (let i = 0; i < count; i++) {
    const channel = bench.channel(shard ?? i % SHARDS);
    await bench.put(channel, 'first');
    hubs.push(new Hub(channel, { engine, account: () => {}, onError: () => {}, comparer }));
  }
  await Promise.all(hubs.map(({ opened }) => opened));
  await round();
  await round();
  forgetCalls();
  return hubs;
}

/** Every shard has its turn, and what comes of it. */
async function round(): Promise<void> {
  for (let ms = 0; ms < ROUND_MS; ms += 100) {
    comparer.pass(100);
    await settle();
  }
  await waitFor(() => calls.underWay === 0, { what: 'the answers' });
  await settle();
}

/** The connection that listens was lost, and is there again. */
function lose(of: readonly Hub[] = hubs): void {
  for (const { channel } of of) observers.get(channel)!.suspect();
}

const repairedAll = (of: readonly Hub[] = hubs) => Promise.all(of.map((hub) => hub.repair()));

async function areLevel(of: readonly Hub[] = hubs): Promise<void> {
  for (const hub of of) {
    const { epoch, head } = await bench.bounds(hub.channel);
    assert.deepEqual({ epoch: hub.epoch, head: hub.head }, { epoch, head });
  }
}

describe('after a loss', () => {
  it('a shard that has not changed is asked once, and nothing is read', async () => {
    await openHubs(40);
    lose();
    await waitFor(() => calls.changes.length === SHARDS && calls.underWay === 0, { what: 'the questions' });
    await settle();
    assert.deepEqual(calls.tails, []);
    assert.equal(calls.histories, 0);
    for (const { channel } of hubs) await bench.put(channel, 'next');
    await settle();
    await areLevel();
    assert.equal(calls.histories + calls.tails.length, 0, 'and all of them hear again');
  });

  it('of one that has, what changed is read, in one call', async () => {
    await openHubs(40);
    const changed = hubs.filter((_, i) => i % SHARDS === 1).slice(0, 6);
    for (const { channel } of changed) deaf.add(channel);
    for (const { channel } of changed) await bench.put(channel, 'lost', 'lost too');
    lose();
    await waitFor(() => changed.every((hub) => hub.head > 2), { what: 'what was lost' });
    await waitFor(() => calls.underWay === 0, { what: 'the answers' });
    await areLevel();
    assert.deepEqual(
      calls.tails.map((each) => [...each].sort()),
      [changed.map(({ channel }) => channel).sort()],
    );
    assert.equal(calls.histories, 0);
  });

  it('only the shard that moved is asked', async () => {
    await openHubs(40);
    const moved = hubs.filter(({ channel }) => shardOf(channel, SHARDS) === 2);
    lose(moved);
    await waitFor(() => calls.changes.length > 0 && calls.underWay === 0, { what: 'the question' });
    await settle();
    assert.deepEqual(calls.changes, [2]);
  });

  it('those that somebody reads come first, also who comes while others are read', async () => {
    await openHubs(600, 0);
    const read = hubs.filter((_, i) => i % 3 === 2);
    for (const hub of read) hub.readers.add({ advanced() {}, restarted() {} });
    const newcomer = hubs[300]!;
    let isOpen = false;
    let tell = () => {};
    answer = () =>
      isOpen
        ? settle()
        : new Promise((resolve) => {
            tell = resolve;
          });
    const repaired = repairedAll();
    await waitFor(() => calls.tails.length === 1, { what: 'the first call' });
    newcomer.prefer();
    isOpen = true;
    tell();
    await repaired;
    const order = calls.tails.flat();
    assert.deepEqual(order.slice(0, read.length).sort(), read.map(({ channel }) => channel).sort());
    assert.equal(order[read.length], newcomer.channel);
    assert.equal(order.length, hubs.length, 'each once');
    assert.ok(calls.tails.length <= 4, `${calls.tails.length} calls`);
  });

  it('two calls are under way at a time, and one of a shard', async () => {
    await openHubs(400);
    await repairedAll();
    assert.ok(calls.mostUnderWay <= 2, `${calls.mostUnderWay} calls`);
    assert.equal(calls.tails.flat().length, hubs.length);
  });

  it('a shard that does not answer keeps the others waiting for a moment only', { timeout: 20_000 }, async () => {
    await openHubs(400);
    answer = (shard) => (shard === 0 || shard === 1 ? new Promise(() => {}) : settle());
    const beganMs = performance.now();
    await repairedAll(hubs.filter(({ channel }) => shardOf(channel, SHARDS) > 1));
    assert.equal(calls.tails.length, 2, 'asked of nobody else');
    forgetCalls();
    const repaired = repairedAll(hubs);
    await waitFor(() => calls.tails.length === SHARDS, { what: 'a call of each shard' });
    assert.ok(performance.now() - beganMs >= LATE_MS / 2);
    await Promise.all(hubs.filter(({ channel }) => shardOf(channel, SHARDS) > 1).map((hub) => hub.repair()));
    void repaired;
  });

  it('while the store is away it is asked now and then, not by each hub', { timeout: 20_000 }, async () => {
    await openHubs(400);
    let isAway = true;
    answer = async () => {
      if (isAway) throw new EngineUnavailable('away');
    };
    lose();
    await waitFor(() => calls.changes.length >= 3 * SHARDS, { what: 'some tries' });
    assert.deepEqual(calls.tails, []);
    assert.equal(calls.histories, 0);
    isAway = false;
    await waitFor(() => calls.underWay === 0 && calls.changes.length > 3 * SHARDS, { what: 'an answer' });
    await repairedAll();
    await areLevel();
  });

  it('once somebody tells news again, nobody waits for the next try', { timeout: 20_000 }, async () => {
    await openHubs(SHARDS);
    let isAway = true;
    answer = async () => {
      if (isAway) throw new EngineUnavailable('away');
    };
    lose();
    await waitFor(() => calls.changes.length === SHARDS && calls.underWay === 0, { what: 'a try of each' });
    await settle();
    isAway = false;
    lose();
    await settle();
    await settle();
    assert.equal(calls.changes.length, 2 * SHARDS);
    await repairedAll();
    await areLevel();
  });

  it('an answer that nobody can read is found by each for itself, and keeps only one', {
    timeout: 20_000,
  }, async () => {
    await openHubs(40, 0);
    const bad = hubs[20]!;
    const { readTails, readHistory } = engine;
    engine.readTails = async (shard, wanted, ...rest) => {
      const pages = await readTails(shard, wanted, ...rest);
      if (wanted.some(({ channel }) => channel === bad.channel)) throw new TypeError('unreadable');
      return pages;
    };
    engine.readHistory = async (channel, ...rest) => {
      if (channel === bad.channel) throw new TypeError('unreadable');
      return readHistory(channel, ...rest);
    };
    for (const { channel } of hubs) deaf.add(channel);
    for (const { channel } of hubs) await bench.put(channel, 'lost');
    const others = hubs.filter((hub) => hub !== bad);
    await Promise.all([...others.map((hub) => hub.repair()), assert.rejects(bad.repaired(), TypeError)]);
    await areLevel(others);
  });

  it('a hub that has seen more than the store says so, though the shard is where it was', {
    timeout: 20_000,
  }, async () => {
    await openHubs(8);
    const [hub] = hubs;
    let restarts = 0;
    hub!.readers.add({ advanced() {}, restarted: () => restarts++ });
    const { epoch, head } = hub!;
    const gone = { offset: head + 1, from: '', seq: 0, atMs: 1, bytes: Buffer.from('gone') };
    observers.get(hub!.channel)!.published(epoch, [gone]);
    assert.equal(hub!.head, head + 1);
    lose();
    await waitFor(() => restarts === 1, { what: 'another epoch' });
    await repairedAll();
    await areLevel();
    assert.equal(calls.renewals, 1);
  });

  it('the evidence of many is one accusation at a time', { timeout: 20_000 }, async () => {
    await openHubs(40, 0);
    for (const { channel, epoch, head } of hubs) {
      const gone = { offset: head + 1, from: '', seq: 0, atMs: 1, bytes: Buffer.from('gone') };
      observers.get(channel)!.published(epoch, [gone]);
    }
    await repairedAll();
    await areLevel();
    assert.equal(calls.renewals, 1);
  });
});

describe('accusations of a shard', () => {
  const evidence = { kind: 'head', channel: 'lobby', offset: 2 } as const;

  it('are one at a time, and over for whoever comes too late', async () => {
    const served = new Served(0);
    const renewed = { kind: 'renewed', epoch: 'after' } as const;
    let asked = 0;
    engine.renew = async () => {
      asked++;
      return renewed;
    };
    const both = [served.accuse(engine, 'before', evidence), served.accuse(engine, 'before', evidence)];
    assert.deepEqual(await Promise.all(both), [renewed, null]);
    assert.equal(await served.accuse(engine, 'before', evidence), null);
    assert.equal(asked, 1);
  });

  it('count again of an epoch that has come back with an older copy', async () => {
    const served = new Served(0);
    const renewed = { kind: 'renewed', epoch: 'after' } as const;
    engine.renew = async () => renewed;
    await served.accuse(engine, 'before', evidence);
    served.succeeded();
    assert.deepEqual(await served.accuse(engine, 'before', evidence), renewed);
  });
});

describe('in turn', () => {
  it('each shard is asked once in a round, and nothing is read where nothing has changed', async () => {
    await openHubs(40);
    await round();
    assert.deepEqual([...calls.changes].sort(), [0, 1, 2, 3]);
    assert.deepEqual(calls.tails, []);
  });

  it('a last batch that was lost is found within two rounds, also behind one that was heard', async () => {
    await openHubs(40);
    const [silent, heard] = hubs;
    await bench.put(heard!.channel, 'heard');
    await settle();
    for (const { channel } of [silent!, heard!]) {
      deaf.add(channel);
      await bench.put(channel, 'lost');
    }
    await round();
    await round();
    await areLevel();
    assert.deepEqual(calls.tails.flat().sort(), [silent!.channel, heard!.channel].sort());
  });

  it('an empty channel goes along with its shard', async () => {
    await openHubs(4, 0);
    const empty = new Hub(bench.channel(0), { engine, account: () => {}, onError: () => {}, comparer });
    hubs.push(empty);
    await empty.opened;
    const { head } = empty;
    await round();
    await bench.put(hubs[0]!.channel, 'more');
    await round();
    await waitFor(() => empty.head === head + 1, { what: 'it to go along' });
    assert.ok(empty.covers({ epoch: empty.epoch, offset: head }), 'who was told where it was misses nothing');
    forgetCalls();
    await bench.put(empty.channel, 'first');
    await settle();
    assert.equal(empty.head, head + 2);
    assert.equal(calls.tails.length + calls.histories, 0);
  });

  it('the more gateways there are, the less each looks and asks', async () => {
    await openHubs(400);
    gateways = 1_000;
    for (const { channel } of hubs) {
      deaf.add(channel);
      await bench.put(channel, 'lost');
    }
    await round();
    await round();
    const { length } = calls.tails.flat();
    assert.ok(length > 0 && length <= 2 * 2.5 * 16 + 250, `${length} of ${hubs.length}`);
  });
});
