/** Contract of `readHistory` where a channel has events: pages, bounds, and every reason for a gap. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Channel } from '../../../src/domain/channel.ts';
import { EPOCH_PATTERN } from '../../../src/domain/position.ts';
import { ALL, type Bench, event, type Open, same, textOf } from './kit.ts';

/** The answer in short: the texts of the events, or the reason of the gap. Its bounds must be those of the log. */
export async function read(bench: Bench, channel: Channel, offset: number, epoch?: string): Promise<string> {
  const log = await bench.bounds(channel);
  const page = await bench.engine.readHistory(channel, { epoch: epoch ?? log.epoch, offset }, ALL);
  assert.deepEqual(page.log, log);
  if (page.kind === 'gap') return page.reason;
  assert.deepEqual(
    page.events.map((each) => each.offset),
    page.events.map((_, i) => log.head - page.events.length + 1 + i),
    'the events up to the head, without a hole',
  );
  return page.events.map(textOf).join('');
}

export function historyTests(open: Open): void {
  it('gives the events after a position, oldest first', async () => {
    await using bench = await open();
    const channel = bench.channel();
    await bench.put(channel, 'a', 'b');
    await bench.put(channel, 'c');
    const answers = await Promise.all([0, 1, 2, 3].map((offset) => read(bench, channel, offset)));
    assert.deepEqual(answers, ['abc', 'bc', 'c', '']);
  });

  it('gives at most `limit`, from which the next page goes on', async () => {
    await using bench = await open();
    const channel = bench.channel();
    await bench.put(channel, ...'abcdefg');
    const { epoch } = await bench.bounds(channel);
    const pages: string[] = [];
    for (let offset = 0; offset < 7; offset += 3) {
      const page = await bench.engine.readHistory(channel, { epoch, offset }, 3);
      assert.equal(page.log.head, 7);
      pages.push(page.kind === 'events' ? page.events.map(textOf).join('') : page.reason);
    }
    assert.deepEqual(pages, ['abc', 'def', 'g']);
  });

  it('without a position gives the newest `limit` events, and with 0 the bounds alone', async () => {
    await using bench = await open({ historyMaxEvents: 4 });
    const channel = bench.channel();
    await bench.put(channel, ...'abcdefg');
    const { epoch } = await bench.peek();
    const log = { epoch, head: 7, base: 0, oldest: 4, forgotten: 0 };
    const kept = [...'defg'].map((text, i) => event(4 + i, text));
    for (const limit of [0, 1, 3, 4, 5, ALL]) {
      const events = limit === 0 ? [] : kept.slice(-limit);
      same(await bench.engine.readHistory(channel, null, limit), { kind: 'events', log, events }, `limit ${limit}`);
    }
  });

  it('finds a gap `trimmed` when the next event is not kept any more', async () => {
    await using bench = await open({ historyMaxEvents: 4 });
    const channel = bench.channel();
    await bench.put(channel, ...'abcd');
    assert.equal(await read(bench, channel, 0), 'abcd');
    await bench.put(channel, 'e', 'f', 'g');
    const answers = await Promise.all([0, 1, 2, 3, 4, 5, 6, 7].map((offset) => read(bench, channel, offset)));
    assert.deepEqual(answers, ['trimmed', 'trimmed', 'trimmed', 'defg', 'efg', 'fg', 'g', '']);
  });

  it('finds a gap `ahead` beyond the head', async () => {
    await using bench = await open();
    const [channel, other] = [bench.channel(), bench.channel()];
    await bench.put(channel, 'a', 'b');
    await bench.put(other, 'c');
    assert.equal(await read(bench, channel, 2), '');
    for (const offset of [3, 4, Number.MAX_SAFE_INTEGER]) assert.equal(await read(bench, channel, offset), 'ahead');
  });

  it('finds a gap `epoch` in any other epoch, whatever the offset', async () => {
    await using bench = await open({ historyMaxEvents: 1 });
    const channel = bench.channel();
    await bench.put(channel, 'a', 'b');
    const { epoch } = await bench.bounds(channel);
    const other = epoch === 'zzzzzz' ? 'yyyyyy' : 'zzzzzz';
    for (const offset of [0, 1, 2, 3, 99]) assert.equal(await read(bench, channel, offset, other), 'epoch');
    assert.equal(await read(bench, channel, 1, epoch.toUpperCase() === epoch ? '' : epoch.toUpperCase()), 'epoch');
  });

  it('creates the epoch of a shard, once, and nothing else', async () => {
    await using bench = await open();
    const [a, b, far] = [bench.channel(), bench.channel(), bench.channel(1)];
    const pages = await Promise.all([a, a, b, b].map((channel) => bench.engine.readHistory(channel, null, 10)));
    const epochs = new Set(pages.map((page) => page.log.epoch));
    assert.equal(epochs.size, 1);
    const [epoch] = epochs;
    assert.match(epoch!, EPOCH_PATTERN);
    for (const page of pages) {
      same(page, { kind: 'events', log: { epoch, head: 0, base: 0, oldest: 1, forgotten: 0 }, events: [] });
    }
    assert.notEqual((await bench.bounds(far)).epoch, epoch);
    const peek = await bench.peek();
    assert.deepEqual([peek.epoch, peek.rev, peek.events], [epoch, 0, 0]);
    const { channels } = await bench.engine.load(0, [{ channel: a, froms: [], withState: true }]);
    same(channels, [{ head: null, reducer: null, state: new Map(), seqs: [] }]);
  });

  it('answers with bounds and events of one and the same moment', async () => {
    await using bench = await open({ historyMaxEvents: 8 });
    const channel = bench.channel();
    await bench.put(channel, '0');
    const { epoch } = await bench.bounds(channel);
    let writing = true;
    const writes = (async () => {
      for (let i = 0; i < 60; i++) await bench.put(channel, 'a', 'b', 'c');
      writing = false;
    })();
    let last = 1;
    while (writing) {
      const page = await bench.engine.readHistory(channel, { epoch, offset: last }, ALL);
      if (page.kind === 'events') {
        const offsets = page.events.map(({ offset }) => offset);
        const { head } = page.log;
        assert.deepEqual(
          offsets,
          Array.from({ length: head - last }, (_, i) => last + 1 + i),
        );
        assert.ok(page.log.oldest <= last + 1);
      } else {
        assert.equal(page.reason, 'trimmed');
        assert.ok(page.log.oldest > last + 1);
      }
      last = page.log.head;
      // Lets the writer run where the engine answers without ever leaving the queue of microtasks.
      await new Promise(setImmediate);
    }
    await writes;
  });
}
