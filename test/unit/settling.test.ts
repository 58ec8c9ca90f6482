/** What many writes of a single box come to, as few. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Settling } from '../../src/engine/durable/settling.ts';
import type { Write } from '../../src/engine/durable/statements.ts';

const bytes = Uint8Array.of(1);

function settled(writes: readonly Write[], mayBeThere = false): Write[] {
  const settling = new Settling(mayBeThere);
  for (const write of writes) settling.add([write]);
  return settling.first(settling.size);
}

it('of a row that is written again the last counts, in its place', () => {
  const writes: Write[] = [
    ['clock', 1],
    ['publisher', 'room a.1', 1, 10],
    ['field', 7, 'a', 1, bytes],
    ['noFields', 7],
    ['field', 7, 'b', 2, bytes],
    ['field', 7, 'a', 3, bytes],
    ['publisher', 'room a.1', 2, 20],
    ['clock', 2],
  ];
  assert.deepEqual(settled(writes), [
    ['noFields', 7],
    ['field', 7, 'b', 2, bytes],
    ['field', 7, 'a', 3, bytes],
    ['publisher', 'room a.1', 2, 20],
    ['clock', 2],
  ]);
});

const cameAndWent: Write[] = [
  ['accepted', 1, 0, bytes],
  ['piece', 2, 7, 10, bytes],
  ['taken', 1],
  ['noPiece', 2],
];

it('what came and went is not written at all', () => {
  assert.deepEqual(settled(cameAndWent), []);
});

it('but taken away, where a part may have been written before the process ended', () => {
  assert.deepEqual(settled(cameAndWent, true), cameAndWent.slice(2));
});

it('what was there before is taken away', () => {
  assert.deepEqual(settled(cameAndWent.slice(2)), cameAndWent.slice(2));
});

it('is written piece by piece', () => {
  const settling = new Settling(false);
  settling.add([
    ['taken', 1],
    ['taken', 2],
    ['taken', 3],
  ]);
  const first = settling.first(2);
  assert.deepEqual(
    first.map(([, id]) => id),
    [1, 2],
  );
  settling.drop(first);
  assert.deepEqual([settling.size, settling.first(2)], [1, [['taken', 3]]]);
});

it('a row that is written over goes as one that was there before', () => {
  const writes: Write[] = [
    ['pieceAnew', 2, 7, 10, 0, bytes],
    ['acceptedAnew', 1, 0, bytes],
    ['noPiece', 2],
    ['taken', 1],
  ];
  assert.deepEqual(settled(writes), writes.slice(2));
  const fields: Write[] = [
    ['field', 7, 'a', 1, bytes],
    ['noField', 7, 'a'],
  ];
  assert.deepEqual(settled(fields), fields.slice(1));
});
