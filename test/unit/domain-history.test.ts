/** History against a plain array: whatever is done to it, it holds the newest events, contiguous, and counts their bytes. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Event, sameEvent } from '../../src/domain/event.ts';
import { History } from '../../src/domain/history.ts';

const event = (offset: number, size = 1): Event => ({ offset, from: '', seq: 0, atMs: 0, bytes: new Uint8Array(size) });
const offsets = (events: readonly Event[]) => events.map((one) => one.offset);

describe('a new history', () => {
  it('is empty and knows where it stands', () => {
    const history = new History(7, 9);
    assert.deepEqual([history.floor, history.head, history.size, history.bytes, history.oldest], [7, 9, 0, 0, 10]);
    assert.equal(new History(7).head, 7);
    assert.deepEqual(history.after(0), []);
    assert.equal(history.at(9), undefined);
  });
});

describe('history', () => {
  it('gives up the oldest first', () => {
    const history = new History(10);
    history.append([11, 12, 13, 14].map((offset) => event(offset)));
    assert.equal(history.floor, 10);
    history.trimTo(2);
    assert.deepEqual([history.floor, history.oldest, history.head, history.size], [12, 13, 14, 2]);
    assert.deepEqual(offsets(history.after(0)), [13, 14]);
    history.trimTo(0);
    assert.deepEqual([history.floor, history.oldest, history.head, history.bytes], [14, 15, 14, 0]);
  });

  it('finds by offset and pages by limit', () => {
    const history = new History(10);
    history.append([11, 12, 13].map((offset) => event(offset)));
    assert.deepEqual(
      [10, 11, 13, 14].map((offset) => history.at(offset)?.offset),
      [undefined, 11, 13, undefined],
    );
    assert.deepEqual(offsets(history.after(11, 1)), [12]);
    assert.deepEqual(offsets(history.after(13)), []);
    assert.deepEqual(offsets(history.after(99)), []);
  });

  it('can be given what came before', () => {
    const history = new History(13);
    history.append([event(14)]);
    history.prepend([event(12), event(13)], 11);
    assert.deepEqual([history.floor, history.oldest, history.size, history.bytes], [11, 12, 3, 3]);
  });

  it('is always the tail of what was appended', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('append' as const), sizes: fc.array(fc.nat(5), { maxLength: 5 }) }),
      fc.record({ kind: fc.constant('trim' as const), count: fc.nat(8) }),
    );
    fc.assert(
      fc.property(
        fc.nat(1000),
        fc.array(step, { maxLength: 30 }),
        fc.nat(1200),
        fc.nat(10),
        (start, steps, asked, limit) => {
          const history = new History(start);
          let model: Event[] = [];
          let head = start;
          let floor = start;
          for (const one of steps) {
            if (one.kind === 'append') {
              const added = one.sizes.map((size) => event(++head, size));
              model.push(...added);
              history.append(added);
            } else {
              floor = model.at(-1 - one.count)?.offset ?? floor;
              model = one.count === 0 ? [] : model.slice(-one.count);
              history.trimTo(one.count);
            }
          }
          assert.equal(history.head, head);
          assert.equal(history.floor, floor);
          assert.equal(history.size, model.length);
          assert.equal(history.oldest, model[0]?.offset ?? head + 1);
          assert.equal(
            history.bytes,
            model.reduce((sum, { bytes }) => sum + bytes.length, 0),
          );
          assert.deepEqual(
            offsets(history.after(asked, limit)),
            offsets(model.filter(({ offset }) => offset > asked)).slice(0, limit),
          );
        },
      ),
    );
  });
});

describe('two events under one offset', () => {
  it('are the same only in everything', () => {
    const one = { from: 'a.b', seq: 1, atMs: 5, bytes: new Uint8Array([1, 2]) };
    assert.ok(sameEvent(one, { ...one, bytes: new Uint8Array([1, 2]) }));
    const others = [
      { from: 'a.c' },
      { seq: 2 },
      { atMs: 6 },
      { bytes: new Uint8Array([1]) },
      { bytes: new Uint8Array([1, 3]) },
    ];
    for (const other of others) assert.ok(!sameEvent(one, { ...one, ...other }));
  });
});
