/** When a stream is told that it will expire, when it ends, and which comes first. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { endingAuthFrame } from '../../src/gateway/stream/auth-frame.ts';
import { type Leaver, setDeadline, setExpiry } from '../../src/gateway/stream/deadline.ts';

const NOW = 5_000;
const WALL = 1_000_000;

function leaver(leftMs: number): Leaver {
  return { identity: { sub: 'alice', expiresMs: WALL + leftMs }, leavesMs: 0, leavesFor: 'age' };
}

for (const [what, leftMs, ageMs, leavesMs, leavesFor] of [
  ['nobody expires who has no token', Number.POSITIVE_INFINITY, NOW + 100, NOW + 100, 'age'],
  ['nor does who never grows old', Number.POSITIVE_INFINITY, 0, 0, 'age'],
  ['a long token is warned of a minute before', 3_600_000, 0, NOW + 3_540_000, 'expiring'],
  ['a short one when a third is left', 9_000, 0, NOW + 6_000, 'expiring'],
  ['of 3 minutes it is the same', 180_000, 0, NOW + 120_000, 'expiring'],
  ['an earlier age comes first', 3_600_000, NOW + 1_800_000, NOW + 1_800_000, 'age'],
  ['a later one does not', 9_000, NOW + 1_800_000, NOW + 6_000, 'expiring'],
  ['nor one between the warning and the end', 9_000, NOW + 7_000, NOW + 6_000, 'expiring'],
  ['what has expired is told at once', -5, 0, NOW, 'expiring'],
] as const) {
  it(what, () => {
    const stream = leaver(leftMs);
    setDeadline(stream, ageMs, NOW, WALL);
    assert.deepEqual([stream.leavesMs, stream.leavesFor], [leavesMs, leavesFor]);
  });
}

it('after the warning comes the end, by the clock that tells exp', () => {
  const stream = leaver(9_000);
  setDeadline(stream, 0, NOW, WALL);
  // Looked at a little late, and the wall clock was set forward by a second.
  const leftMs = setExpiry(stream, NOW + 6_100, WALL + 7_100);
  assert.deepEqual([leftMs, stream.leavesMs, stream.leavesFor], [1_900, NOW + 8_000, 'expired']);
});

it('who may be let in soon is asked to come back soon, not all at once; others after an hour', () => {
  for (const status of ['expired', 'unauthenticated', 'unavailable'] as const) {
    const waits = Array.from({ length: 200 }, () => endingAuthFrame(status).retryMs!);
    assert.ok(Math.min(...waits) >= 15_000 && Math.max(...waits) <= 40_000);
    assert.ok(new Set(waits).size > 100);
  }
  for (const status of ['invalid', 'forbidden'] as const) assert.equal(endingAuthFrame(status).retryMs, 3_600_000);
});
