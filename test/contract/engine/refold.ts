/** Contract of a channel that another reducer goes on with: its state is begun anew, its log goes on, and its neighbours hear nothing. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { channelEpoch } from '../../../src/domain/position.ts';
import { ALL, bytesOf, event, type Open, same } from './kit.ts';
import { observe } from './subscribe.ts';

const FOLD = 1_234_567_890;

/** Two channels with a state each; the first is begun anew with its event 4. */
async function prepare(open: Open) {
  const bench = await open();
  const [channel, other] = [bench.channel(), bench.channel()];
  const stateOf = (offset: number) => new Map([['f', { offset, bytes: bytesOf('v') }]]);
  await bench.commit(0, [
    { channel, events: ['a', 'b', 'c'], reducer: 'latest', state: stateOf(3), seqs: { 'p.1': 3 } },
    { channel: other, events: [event(1, 'x')], reducer: 'latest', state: stateOf(1) },
  ]);
  const { epoch } = await bench.peek();
  const begin = (text = 'd') =>
    bench.commit(0, [
      {
        channel,
        events: [text],
        reducer: 'tally',
        refold: FOLD,
        state: new Map([[text, { offset: 4, bytes: bytesOf('1') }]]),
      },
      { channel: other, events: ['y'], reducer: 'latest' },
    ]);
  return { bench, channel, other, epoch, begin, epochAfter: channelEpoch(epoch, FOLD) };
}

export function refoldTests(open: Open): void {
  it('has the state of the new reducer alone, and its log as it was', async () => {
    const { bench, channel, other, epoch, begin, epochAfter } = await prepare(open);
    await using _ = bench;
    await begin();
    same(await bench.engine.readState(channel), {
      epoch: epochAfter,
      offset: 4,
      state: new Map([['d', { offset: 4, bytes: bytesOf('1') }]]),
    });
    assert.deepEqual(await bench.texts(channel), ['a', 'b', 'c', 'd']);
    assert.equal((await bench.engine.readState(other)).epoch, epoch);
    assert.equal((await bench.engine.readState(other)).state.size, 1);
    const { channels } = await bench.engine.load(0, [
      { channel, froms: ['p.1'], withState: true },
      { channel: other, froms: [], withState: false },
    ]);
    const state = new Map([['d', { offset: 4, bytes: bytesOf('1') }]]);
    same(channels, [
      { head: 4, reducer: 'tally', state, fold: FOLD, seqs: [3] },
      { head: 2, reducer: 'latest', state: new Map(), seqs: [] },
    ]);
  });

  it('has positions of another epoch, in every way they are read; its neighbours have not', async () => {
    const { bench, channel, other, epoch, begin, epochAfter } = await prepare(open);
    await using _ = bench;
    await begin();
    const gap = await bench.engine.readHistory(channel, { epoch, offset: 3 }, ALL);
    assert.deepEqual([gap.kind, gap.kind === 'gap' && gap.reason], ['gap', 'epoch']);
    assert.deepEqual([gap.log.epoch, gap.log.shardEpoch], [epochAfter, epoch]);
    const page = await bench.engine.readHistory(channel, { epoch: epochAfter, offset: 2 }, ALL);
    assert.equal(page.kind === 'events' && page.events.length, 2);
    const wanted = [
      { channel, after: { epoch: epochAfter, offset: 3 } },
      { channel, after: { epoch, offset: 3 } },
      { channel: other, after: { epoch, offset: 1 } },
    ];
    const tails = await bench.engine.readTails(0, wanted, 10, 10_000);
    assert.deepEqual(
      tails.map((tail) => tail?.kind),
      ['events', 'gap', 'events'],
    );
    assert.deepEqual(
      tails.map((tail) => tail?.log.epoch),
      [epochAfter, epochAfter, epoch],
    );
    assert.equal((await bench.engine.readChanges(0, null, 10)).epoch, epoch);
  });

  it('is published in its own epoch, from then on, and its neighbours in theirs', async () => {
    const { bench, channel, other, epoch, begin, epochAfter } = await prepare(open);
    await using _ = bench;
    const observers = await Promise.all([observe(bench, channel), observe(bench, other)]);
    const before = observers.map(({ suspected }) => suspected);
    await begin();
    await bench.put(channel, 'e');
    await bench.put(other, 'z');
    await bench.until('the batches', () => observers.every(({ batches }) => batches.length === 2));
    assert.deepEqual(
      observers.map(({ batches }) => batches.map((batch) => batch.epoch)),
      [
        [epochAfter, epochAfter],
        [epoch, epoch],
      ],
    );
    assert.deepEqual(
      observers.map(({ suspected }) => suspected),
      before,
      'nobody is told to compare',
    );
  });

  it('is judged by evidence of its own epoch, and moves on with its shard', async () => {
    const { bench, channel, epoch, begin, epochAfter } = await prepare(open);
    await using _ = bench;
    await begin();
    const ahead = { kind: 'head', channel, offset: 5 } as const;
    assert.deepEqual(await bench.engine.renew(0, epoch, ahead), { kind: 'kept', epoch: epochAfter });
    const told = { kind: 'event', channel, event: event(4, 'd') } as const;
    assert.deepEqual(await bench.engine.renew(0, epochAfter, told), { kind: 'kept', epoch: epochAfter });
    const renewed = await bench.engine.renew(0, epochAfter, ahead);
    assert.equal(renewed.kind, 'renewed');
    assert.equal(renewed.epoch, channelEpoch((await bench.peek()).epoch, FOLD));
    assert.equal((await bench.bounds(channel)).epoch, renewed.epoch);
  });

  it('may be begun anew without a state, and again', async () => {
    const { bench, channel, begin, epoch } = await prepare(open);
    await using _ = bench;
    await begin();
    await bench.commit(0, [{ channel, events: ['e'], reducer: 'log', refold: 5, stateBytes: 0, seqs: { 'p.1': 4 } }]);
    same(await bench.engine.readState(channel), { epoch: channelEpoch(epoch, 5), offset: 5, state: new Map() });
    const { channels } = await bench.engine.load(0, [{ channel, froms: ['p.1'], withState: true }]);
    same(channels, [{ head: 5, reducer: 'log', state: new Map(), fold: 5, seqs: [4] }]);
    const state = new Map([['f', { offset: 6, bytes: bytesOf('w') }]]);
    await bench.commit(0, [{ channel, events: ['f'], reducer: 'latest', refold: 6, state, stateBytes: 102 }]);
    same((await bench.engine.readState(channel)).state, state);
  });
}
