/** How the pace at which streams come back is read from what gateways say of themselves. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Member } from './rolling/member.ts';
import { Watch } from './rolling/watch.ts';

const leaving = {} as Member;
const filling = {} as Member;

function arrivals(counts: readonly (number | null)[]): number {
  const watch = new Watch([leaving, filling], 1_000_000);
  watch.close();
  for (const [i, count] of counts.entries()) {
    watch.seconds.push({
      atMs: 1_000 * i,
      streams: new Map([
        [leaving, 5_000 - 100 * i],
        [filling, count],
      ]),
    });
  }
  return watch.arrivalsPerS(leaving, 0);
}

it('counts what came to the others in five seconds', () => {
  assert.equal(arrivals([0, 100, 200, 300, 400, 500, 600]), 100);
  assert.equal(arrivals([0, 0, 0, 0, 0, 0, 1_000, 1_000]), 200);
});

it('a gateway that does not answer for a while has not lost its streams', () => {
  // What came meanwhile is counted where it is seen, which is a little too much.
  assert.equal(arrivals([1_000, 1_100, 1_200, null, null, 1_500, 1_600, 1_700, 1_800]), 120);
  assert.equal(arrivals([null, 1_100, 1_200, 1_300, 1_400, 1_500, 1_600]), 100);
});
