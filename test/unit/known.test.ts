/** What a merger remembers is weighed with all that has grown since it was loaded. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Known } from '../../src/merger/known.ts';

const wish = { channel: 'room', froms: [], withState: true };
const empty = { head: 1, reducer: 'latest', state: new Map(), seqs: [] };

it('a state that grows here counts like one that was loaded', () => {
  const loaded = new Known(50_000);
  const state = new Map(Array.from({ length: 100 }, (_, i) => [`${i}`, { offset: i, bytes: new Uint8Array(1_000) }]));
  loaded.add(wish, { ...empty, state });
  assert.equal(loaded.isTooLarge, true);

  const grown = new Known(50_000);
  grown.add(wish, empty);
  assert.equal(grown.isTooLarge, false);
  const known = grown.get('room')!;
  for (const [field, value] of state) known.state.set(field, value);
  known.stateBytes = 100_190;
  grown.weigh(['room']);
  assert.equal(grown.isTooLarge, true);
});

it('publishers count, each once, and nothing does when all is forgotten', () => {
  const known = new Known(10_000);
  const froms = Array.from({ length: 60 }, (_, i) => `p${i}`);
  for (let i = 0; i < 5; i++) known.add({ ...wish, froms }, { ...empty, seqs: froms.map(() => i) });
  assert.equal(known.isTooLarge, false);
  known.add({ ...wish, froms: froms.map((from) => `other-${from}`) }, { ...empty, seqs: froms.map(() => 1) });
  assert.equal(known.isTooLarge, true);
  known.clear();
  assert.equal(known.isTooLarge, false);
  known.add(wish, empty);
  assert.equal(known.isTooLarge, false);
});
