/** Histories that go on in the archive: what is asked there, what is believed of it, and what is said while it does not answer. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ArchivedLog } from '../../src/archive/archive.ts';
import { withArchive } from '../../src/archive/histories.ts';
import { channelEpoch, type LogBounds } from '../../src/domain/position.ts';
import { createMemoryEngine } from '../../src/engine/memory/engine.ts';
import { ArchiveUnavailable } from '../../src/errors.ts';
import { event, generousOptions, opener } from '../contract/engine/kit.ts';

const open = opener(async () => {
  const engine = createMemoryEngine({ ...generousOptions, historyMaxEvents: 10 });
  return { engine, close: () => engine.close() };
});

interface Planted {
  /** Of what the engine says of its log. */
  readonly bounds?: Partial<LogBounds>;
  readonly archived?: Partial<ArchivedLog>;
}

/** A channel with 100 events, of which the engine keeps 10 and the archive has 95. */
async function planted({ bounds = {}, archived = {} }: Planted = {}) {
  const bench = await open();
  const channel = bench.channel();
  await bench.put(channel, ...Array.from({ length: 100 }, (_, i) => `${i + 1}`));
  const { epoch } = await bench.bounds(channel);
  const asked: number[] = [];
  const told: unknown[] = [];
  const log = { id: '1', epoch, base: 0, oldest: 1, head: 95, ...archived };
  const archive = {
    fails: false,
    wait: Promise.resolve(),
    ready: async () => {},
    close: async () => {},
    async read(_channel: string, after: number, limit: number) {
      asked.push(after);
      await archive.wait;
      if (archive.fails) throw new ArchiveUnavailable('planted');
      const count = Math.max(0, Math.min(limit, log.head - after));
      return { log, events: Array.from({ length: count }, (_, i) => event(after + 1 + i, `${after + 1 + i}`)) };
    },
  };
  const engine = {
    async readHistory(...of: Parameters<typeof bench.engine.readHistory>) {
      const page = await bench.engine.readHistory(...of);
      return { ...page, log: { ...page.log, archivedFrom: 1, ...bounds } };
    },
  };
  const histories = withArchive(engine, archive, (error) => told.push(error));
  const read = (offset: number, limit = 20) => histories.readHistory(channel, { epoch, offset }, limit);
  return { bench, epoch, archive, asked, told, read, histories, channel };
}

const offsetsOf = (page: { kind: string; events?: readonly { offset: number }[] }) =>
  page.events?.map(({ offset }) => offset) ?? page.kind;

describe('deep histories', () => {
  it('ask the archive for what is not kept, and for nothing else', async () => {
    const { bench, read, asked, histories, channel, epoch } = await planted();
    assert.deepEqual(offsetsOf(await read(95, 3)), [96, 97, 98]);
    assert.deepEqual(offsetsOf(await read(90, 2)), [91, 92]);
    await read(20, 0);
    await histories.readHistory(channel, null, 3);
    await histories.readHistory(channel, { epoch: 'other1', offset: 5 }, 3);
    assert.deepEqual(asked, []);
    assert.deepEqual(offsetsOf(await read(89, 3)), [90, 91, 92]);
    assert.deepEqual(offsetsOf(await read(0, 2)), [1, 2]);
    assert.deepEqual(asked, [89, 0]);
    assert.equal((await read(0)).log.epoch, epoch);
    await bench[Symbol.asyncDispose]();
  });

  it('believe nothing of another log', async () => {
    const { bench, read } = await planted({ archived: { epoch: 'other1' } });
    assert.equal(offsetsOf(await read(20)), 'gap');
    await bench[Symbol.asyncDispose]();
  });

  it('believe what was archived in the epoch before, of a channel begun anew as well', async () => {
    const before = 'before';
    const same = await planted({ bounds: { parent: before }, archived: { epoch: before } });
    assert.deepEqual(offsetsOf(await same.read(20, 2)), [21, 22]);
    await same.bench[Symbol.asyncDispose]();
    const fold = 7;
    const shardEpoch = 'shard0';
    const epoch = channelEpoch(shardEpoch, fold);
    const folded = await planted({ bounds: { epoch, shardEpoch }, archived: { epoch: shardEpoch } });
    assert.deepEqual(offsetsOf(await folded.read(20, 2)), [21, 22]);
    await folded.bench[Symbol.asyncDispose]();
  });

  it('leave no hole: an archive that ends before what is kept begins has nothing to say', async () => {
    const { bench, read } = await planted({ archived: { head: 89 } });
    assert.equal(offsetsOf(await read(20)), 'gap');
    await bench[Symbol.asyncDispose]();
    const whole = await planted({ archived: { head: 90 } });
    assert.deepEqual(offsetsOf(await whole.read(89)), [90]);
    await whole.bench[Symbol.asyncDispose]();
  });

  it('tell how deep the archive is now, to who asks for more', async () => {
    const { bench, read } = await planted({ archived: { oldest: 31 } });
    const page = await read(20);
    assert.equal(page.kind, 'gap');
    assert.equal(page.log.archivedFrom, 31);
    assert.deepEqual(offsetsOf(await read(30, 1)), [31]);
    await bench[Symbol.asyncDispose]();
  });

  it('say that the archive is away, and let one find out whether it still is', async () => {
    const { bench, read, archive, asked, told } = await planted();
    archive.fails = true;
    assert.deepEqual(
      { ...(await read(20)), log: 0, clockMs: 0 },
      {
        ...{ kind: 'gap', reason: 'trimmed', isArchiveAway: true },
        ...{ log: 0, clockMs: 0 },
      },
    );
    assert.equal(told.length, 1);
    let answer = () => {};
    archive.wait = new Promise((resolve) => {
      answer = resolve;
    });
    asked.length = 0;
    const first = read(20);
    const others = await Promise.all([read(20), read(30), read(40)]);
    assert.ok(others.every((page) => page.kind === 'gap' && page.isArchiveAway));
    assert.deepEqual(asked, [20]);
    assert.deepEqual(offsetsOf(await read(95, 1)), [96], 'what is kept is there as ever');
    archive.fails = false;
    answer();
    assert.equal((await first).kind, 'events');
    assert.equal((await read(30)).kind, 'events');
    archive.fails = true;
    await read(20);
    assert.equal(told.length, 2, 'once each time');
    await bench[Symbol.asyncDispose]();
  });
});
