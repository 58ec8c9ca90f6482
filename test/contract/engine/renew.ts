/** Contract of `renew`: a new epoch if the evidence is good, and nothing at all if it is not. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Channel } from '../../../src/domain/channel.ts';
import { EPOCH_PATTERN } from '../../../src/domain/position.ts';
import type { Evidence } from '../../../src/engine/engine.ts';
import { read } from './history.ts';
import { ALL, bytesOf, event, type Open } from './kit.ts';
import { observe } from './subscribe.ts';

const FROMS = ['p.1'];

/** A shard with a channel of events 1 to 5, of which 2 to 5 are kept, and another with event 6. */
async function prepare(open: Open) {
  const bench = await open({ historyMaxEvents: 4, channelIdleMs: 50 });
  const [channel, other, missing] = [bench.channel(), bench.channel(), bench.channel()];
  const state = new Map([['f', { offset: 5, bytes: bytesOf('v') }]]);
  await bench.commit(0, [{ channel, events: ['a', 'b', 'c', 'd', 'e'], reducer: 'latest', state, seqs: { 'p.1': 5 } }]);
  await bench.put(other, 'f');
  await bench.append(channel, 'waiting');
  const { epoch, rev } = await bench.peek();
  return { bench, channel, other, missing, epoch, rev, channels: [channel, other, missing] };
}

type Evident = (channel: Channel, other: Channel, missing: Channel) => Evidence;

/** What shows that the store is behind, or differs. */
const good: Record<string, Evident> = {
  'an event beyond the head': (channel) => ({ kind: 'event', channel, event: event(6, 'x') }),
  'an event far beyond the head': (channel) => ({ kind: 'event', channel, event: event(10 ** 9, 'x') }),
  'other bytes under the same offset': (channel) => ({ kind: 'event', channel, event: event(4, 'x') }),
  'another publisher under the same offset': (channel) => ({
    kind: 'event',
    channel,
    event: event(4, 'd', { from: 'p.1' }),
  }),
  'another seq under the same offset': (channel) => ({ kind: 'event', channel, event: event(4, 'd', { seq: 1 }) }),
  'another time under the same offset': (channel) => ({ kind: 'event', channel, event: event(4, 'd', { atMs: 1 }) }),
  'another event under the oldest offset kept': (channel) => ({ kind: 'event', channel, event: event(2, 'x') }),
  'an event of a channel that the store says never was': (_, __, channel) => ({
    kind: 'event',
    channel,
    event: event(3, 'x'),
  }),
  'an event from before the channel began': (_, channel) => ({ kind: 'event', channel, event: event(5, 'x') }),
  'a head beyond the head': (channel) => ({ kind: 'head', channel, offset: 6 }),
  'an empty channel’s position beyond all events': (_, __, channel) => ({ kind: 'head', channel, offset: 7 }),
  'a commit that is not there': () => ({ kind: 'rev', rev: 3 }),
};

/** What is as the log has it, or cannot be told apart from that. */
const idle: Record<string, Evident> = {
  'the same event': (channel) => ({ kind: 'event', channel, event: event(4, 'd') }),
  'the newest event': (channel) => ({ kind: 'event', channel, event: event(5, 'e') }),
  'the first event of a channel that began late': (_, channel) => ({ kind: 'event', channel, event: event(6, 'f') }),
  'an event that is not kept any more': (channel) => ({ kind: 'event', channel, event: event(1, 'x') }),
  'the very head': (channel) => ({ kind: 'head', channel, offset: 5 }),
  'an older head': (channel) => ({ kind: 'head', channel, offset: 2 }),
  'an empty channel’s position of now': (_, __, channel) => ({ kind: 'head', channel, offset: 6 }),
  'the rev of now': () => ({ kind: 'rev', rev: 2 }),
  'an older rev': () => ({ kind: 'rev', rev: 0 }),
};

export function renewTests(open: Open): void {
  for (const [name, evidence] of Object.entries(good)) {
    it(`renews for ${name}`, async () => {
      const { bench, channel, other, missing, epoch, rev } = await prepare(open);
      await using _ = bench;
      const outcome = await bench.engine.renew(0, epoch, evidence(channel, other, missing));
      assert.equal(outcome.kind, 'renewed');
      assert.match(outcome.epoch, EPOCH_PATTERN);
      assert.notEqual(outcome.epoch, epoch);
      const peek = await bench.peek();
      assert.deepEqual([peek.epoch, peek.rev, peek.events], [outcome.epoch, rev + 1, 6]);
      assert.equal(await read(bench, channel, 5, epoch), 'epoch');
      assert.equal((await bench.engine.readState(other)).epoch, outcome.epoch);
      assert.notEqual((await bench.bounds(bench.channel(1))).epoch, outcome.epoch);
    });
  }

  for (const [name, evidence] of Object.entries(idle)) {
    it(`changes nothing for ${name}`, async () => {
      const { bench, channel, other, missing, channels, epoch } = await prepare(open);
      await using _ = bench;
      const before = await bench.everything(0, channels, FROMS);
      const outcome = await bench.engine.renew(0, epoch, evidence(channel, other, missing));
      assert.deepEqual(outcome, { kind: 'kept', epoch });
      assert.deepEqual(await bench.everything(0, channels, FROMS), before);
    });
  }

  it('changes nothing for evidence of an epoch that has passed, however good', async () => {
    const { bench, channel, other, missing, channels, epoch } = await prepare(open);
    await using _ = bench;
    const renewed = await bench.engine.renew(0, epoch, good['an event beyond the head']!(channel, other, missing));
    const before = await bench.everything(0, channels, FROMS);
    for (const evidence of Object.values(good)) {
      const outcome = await bench.engine.renew(0, epoch, evidence(channel, other, missing));
      assert.deepEqual(outcome, { kind: 'kept', epoch: renewed.epoch });
    }
    assert.deepEqual(await bench.everything(0, channels, FROMS), before);
  });

  it('renews once when many report the same', async () => {
    const { bench, channel, epoch, rev } = await prepare(open);
    await using _ = bench;
    const evidence = { kind: 'event', channel, event: event(6, 'x') } as const;
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => bench.engine.renew(0, epoch, evidence)));
    assert.equal(outcomes.filter(({ kind }) => kind === 'renewed').length, 1);
    assert.equal(new Set(outcomes.map((each) => each.epoch)).size, 1);
    assert.equal((await bench.peek()).rev, rev + 1);
  });

  it('keeps the logs as they are, under the new epoch', async () => {
    const { bench, channel, other, channels, epoch, rev } = await prepare(open);
    await using _ = bench;
    const seen = async () => JSON.stringify(await bench.everything(0, channels, FROMS));
    const before = await seen();
    const renewed = await bench.engine.renew(0, epoch, { kind: 'rev', rev: 99 });
    const expected = before.replaceAll(epoch, renewed.epoch).replaceAll(`"rev":${rev}`, `"rev":${rev + 1}`);
    assert.equal(await seen(), expected);
    assert.equal(await read(bench, channel, 3), 'de');
    await bench.put(channel, 'g');
    await bench.put(other, 'h');
    assert.deepEqual(await bench.texts(channel), ['c', 'd', 'e', 'g']);
    assert.equal(await read(bench, other, 6), 'h');
  });

  it('keeps for an event of a channel that was forgotten since', async () => {
    const { bench, channel, epoch } = await prepare(open);
    await using _ = bench;
    await bench.forget(channel);
    for (const offset of [1, 4, 5]) {
      const outcome = await bench.engine.renew(0, epoch, { kind: 'event', channel, event: event(offset, 'x') });
      assert.deepEqual(outcome, { kind: 'kept', epoch });
    }
    assert.equal((await bench.engine.renew(0, epoch, { kind: 'head', channel, offset: 7 })).kind, 'kept');
    assert.equal((await bench.engine.renew(0, epoch, { kind: 'head', channel, offset: 8 })).kind, 'renewed');
  });

  it('makes every observer of the shard suspect', async () => {
    const { bench, channel, other, missing, epoch } = await prepare(open);
    await using _ = bench;
    const observed = await Promise.all([channel, channel, other, missing].map((each) => observe(bench, each)));
    const closed = await observe(bench, channel);
    closed.close();
    const before = observed.map(({ suspected }) => suspected);
    await bench.engine.renew(0, epoch, { kind: 'rev', rev: 99 });
    await bench.until('every observer to be suspect', () => observed.every((o, i) => o.suspected > before[i]!));
    assert.equal(closed.suspected, 0);
    await bench.put(missing, 'x');
    await bench.until('the next batch', () => observed[3]!.batches.length > 0);
    assert.equal(observed[3]!.batches[0]!.epoch, (await bench.peek()).epoch);
  });

  it('makes a commit in flight be refused', async () => {
    const { bench, channel, other, epoch } = await prepare(open);
    await using _ = bench;
    const commit = await bench.draft(0, [{ channel: other, events: ['g'] }]);
    await bench.engine.renew(0, epoch, { kind: 'head', channel, offset: 99 });
    assert.deepEqual(await bench.engine.commit(0, commit), { kind: 'refused', reason: 'rev' });
    assert.deepEqual(await bench.texts(other), ['f']);
  });

  it('answers with an epoch of its own where the store has lost even that', async () => {
    await using bench = await open();
    const channel = bench.channel();
    const { epoch } = await bench.engine.renew(0, 'zzzzzz', { kind: 'event', channel, event: event(9, 'x') });
    assert.notEqual(epoch, 'zzzzzz');
    const page = await bench.engine.readHistory(channel, { epoch: 'zzzzzz', offset: 9 }, ALL);
    assert.deepEqual([page.kind, page.log.epoch], ['gap', epoch]);
  });
}
