/** What a merger remembers: weighed with all that has grown since it was loaded, and given up one by one. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { InboxEntry } from '../../src/engine/engine.ts';
import { Known } from '../../src/merger/known.ts';
import { Memory } from '../../src/merger/memory.ts';
import { waitFor } from '../support/wait.ts';

const wish = (channel: string, froms: readonly string[] = []) => ({ channel, froms, withState: true });
const empty = { head: 1, reducer: 'latest', state: new Map(), seqs: [] };
const stateOf = (fields: number, bytes: number) =>
  new Map(Array.from({ length: fields }, (_, i) => [`${i}`, { offset: i, bytes: new Uint8Array(bytes) }]));
const entry = (channel: string): InboxEntry => ({
  kind: 'change',
  change: { channel, from: '', seq: 0, acceptedMs: 0, bytes: Uint8Array.of(1) },
});

/** A round that needs these channels, and what it had to load for them. */
function round(known: Known, channels: readonly string[], state = stateOf(10, 1_000)): string[] {
  const wishes = known.missingFor(channels.map(entry));
  for (const each of wishes) known.add(each, empty, state);
  known.done();
  return wishes.map(({ channel }) => channel);
}

it('a state that grows here counts like one that was loaded', () => {
  const [forLoaded, forGrown] = [new Memory(1 << 20), new Memory(1 << 20)];
  const state = stateOf(100, 1_000);
  new Known(forLoaded).add(wish('room'), empty, state);
  const grown = new Known(forGrown);
  grown.add(wish('room'), empty, new Map());
  const known = grown.get('room')!;
  for (const [field, value] of state) known.setField(field, value);
  known.stateBytes = 110_190;
  grown.weigh(['room']);
  assert.equal(forGrown.bytes, forLoaded.bytes);
  assert.ok(forLoaded.bytes > 100 * 1_000);
});

it('publishers count, each once, and nothing does when all is forgotten', async () => {
  const memory = new Memory(1 << 20);
  const known = new Known(memory);
  known.add(wish('room'), empty, new Map());
  const ofNone = memory.bytes;
  const froms = Array.from({ length: 60 }, (_, i) => `p${i}`);
  for (let i = 0; i < 5; i++) known.add(wish('room', froms), { ...empty, seqs: froms.map(() => i) }, new Map());
  const each = (memory.bytes - ofNone) / 60;
  assert.ok(each > 0 && each < 500);
  known.clear();
  assert.equal(known.get('room'), undefined);
  await waitFor(() => memory.bytes === 0, { what: 'nothing to count' });
});

it('what thousands of channels are forgotten for is no one turn, and does not take what is learnt meanwhile', async () => {
  const memory = new Memory(1 << 30);
  const known = new Known(memory);
  const channels = Array.from({ length: 10_000 }, (_, i) => `c${i}`);
  round(known, channels, new Map());
  const whole = memory.bytes;
  known.clear();
  assert.deepEqual(round(known, ['c0', 'c9999'], new Map()), ['c0', 'c9999'], 'both were forgotten');
  await turn();
  assert.ok(memory.bytes > whole / 2, 'a turn has taken most of them');
  await waitFor(() => memory.bytes === (2 * whole) / 10_000, { what: 'the two to be all that counts' });
  assert.ok(known.get('c0') && known.get('c9999'));
});

it('what was used least lately goes first, on whichever shard, and no more than has to', () => {
  const memory = new Memory(60_000);
  const shards = [new Known(memory), new Known(memory)] as const;
  assert.deepEqual(round(shards[0], ['a']), ['a']);
  assert.deepEqual(round(shards[1], ['b']), ['b']);
  assert.deepEqual(round(shards[0], ['c', 'd']), ['c', 'd']);
  assert.deepEqual(round(shards[0], ['a']), [], 'all of it is still known');
  assert.deepEqual(round(shards[1], ['e']), ['e']);
  assert.ok(memory.bytes <= 60_000);
  assert.equal(shards[1].get('b'), undefined, 'the one used least lately is gone');
  assert.deepEqual(round(shards[0], ['a', 'd']), []);
});

it('what a round needs stays until it ends, also when it is too much', () => {
  const memory = new Memory(60_000);
  const [busy, other] = [new Known(memory), new Known(memory)];
  const needed = Array.from({ length: 10 }, (_, i) => `c${i}`);
  for (const each of busy.missingFor(needed.map(entry))) busy.add(each, empty, stateOf(10, 1_000));
  round(other, ['x']);
  for (const channel of needed) assert.ok(busy.get(channel));
  busy.done();
  round(other, ['y']);
  assert.ok(memory.bytes <= 60_000);
  assert.ok(other.get('y'));
});

it('of what a sweep forgot no more is forgotten than that', () => {
  const memory = new Memory(1 << 20);
  const known = new Known(memory);
  known.add(wish('a', ['p.1', 'q.1']), { ...empty, seqs: [3, 4] }, new Map());
  known.add(wish('b', ['p.1']), { ...empty, seqs: [5] }, new Map());
  known.done();
  known.forget({
    kind: 'swept',
    channels: ['b', 'unknown'],
    publishers: [
      ['a', 'p.1'],
      ['unknown', 'p.1'],
    ],
    rev: 2,
    events: 3,
  });
  assert.deepEqual([...known.get('a')!.seqs], [['q.1', 4]]);
  assert.equal(known.get('b'), undefined);
});
