/** What waits for a flush: no more than the newest of each name, and the others counted (P28). */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { nameOf } from '../../src/domain/change.ts';
import type { Event } from '../../src/domain/event.ts';
import type { Position } from '../../src/domain/position.ts';
import { Pending } from '../../src/gateway/audience/pending.ts';
import { Told } from '../../src/gateway/audience/told.ts';
import type { Hub } from '../../src/gateway/hub/hub.ts';
import { Ring } from '../../src/gateway/hub/ring.ts';

const epoch = 'aaaaaa1';

function startHub(head: number) {
  const ring = new Ring({ account() {} });
  ring.begin(head);
  const bring = (froms: readonly string[]) => {
    const first = ring.head + 1;
    ring.append(froms.map((from, i): Event => ({ offset: first + i, from, seq: 1, atMs: 0, bytes: Buffer.of(120) })));
  };
  const hub = {
    epoch,
    get head() {
      return ring.head;
    },
    covers: (at: Position) => at.epoch === epoch && at.offset >= ring.floor && at.offset <= ring.head,
    after: (offset: number) => ring.after(offset),
  };
  const held = { bytes: 0 };
  const account = (bytes: number) => {
    held.bytes += bytes;
  };
  return { ring, bring, held, pending: new Pending(hub as unknown as Hub, account) };
}

/** What a flush tells to those who stand at each of these offsets, and how many events it counts beside that. */
function tell(pending: Pending, offsets: readonly number[]): string[] {
  const told = new Told([pending.takeOut()]);
  return offsets.map((offset) => {
    const { events, after } = told.after(0, offset);
    const folded = (events.at(-1)?.offset ?? after) - after - events.length;
    return `${events.map((event) => `${nameOf(event.from)}${event.offset}`)}+${folded}`;
  });
}

it('of each name the newest is held, from wherever one stands, until it has been told', () => {
  const { bring, pending } = startHub(7);
  bring(['a.1', 'b.1', 'a.2']);
  assert.equal(pending.take(), true);
  assert.deepEqual(tell(pending, [7, 8, 9, 10]), ['b9,a10+1', 'b9,a10+0', 'a10+0', '+0']);
  assert.deepEqual(tell(pending, [10]), ['+0']);
  assert.deepEqual(
    [9, 10, 11].map((offset) => pending.covers({ epoch, offset })),
    [false, true, false],
  );
});

it('an empty channel that goes on further on has not brought what lies between', () => {
  const { ring, bring, pending } = startHub(7);
  ring.begin(7, 57);
  bring(['a.1', 'a.1']);
  pending.take();
  assert.deepEqual(tell(pending, [7, 30, 57, 58]), ['a59+1', 'a59+1', 'a59+1', 'a59+0']);
});

it('for who comes from further back it reaches back, as long as the ring does', () => {
  const { ring, bring, pending } = startHub(0);
  bring(['a.1', 'b.1', 'c.1']);
  pending.take();
  pending.takeOut();
  bring(['c.1']);
  pending.take();
  pending.reachBack(1);
  ring.shrink();
  ring.shrink();
  assert.deepEqual(tell(pending, [1, 2, 3]), ['b2,c4+1', 'c4+1', 'c4+0']);
});

it('says when more has come at once than a ring holds', () => {
  const { bring, pending } = startHub(0);
  bring(Array.from({ length: 1_100 }, () => 'a.1'));
  assert.equal(pending.take(), false);
  pending.restart();
  bring(['a.1']);
  assert.equal(pending.take(), true);
  assert.deepEqual(tell(pending, [1_100]), ['a1101+0']);
});

it('accounts for what is held and for nothing else, whichever way it came and went', () => {
  const { ring, bring, held, pending } = startHub(0);
  const costOf = (froms: readonly string[]) => {
    const other = startHub(0);
    other.bring(froms);
    other.pending.take();
    return other.held.bytes;
  };
  bring(['a.1', 'b.1', 'a.1']);
  pending.take();
  assert.ok(held.bytes > 0);
  assert.equal(held.bytes, costOf(['a.1', 'b.1']));
  for (let i = 0; i < 100; i++) {
    bring(['a.1', 'b.2']);
    pending.take();
  }
  assert.equal(held.bytes, costOf(['a.1', 'b.1']), 'an older one of a name is not held');
  const before = held.bytes;
  assert.equal(pending.takeOut().bytes, before, 'who takes it out accounts for it');
  assert.deepEqual([held.bytes, pending.bytes], [before, 0]);
  held.bytes = 0;
  bring(['c.1']);
  pending.take();
  pending.reachBack(ring.head - 2);
  assert.equal(held.bytes, costOf(['b.1', 'c.1']), 'what it reaches back for counts');
  pending.drop();
  assert.deepEqual([held.bytes, pending.bytes], [0, 0]);
});
