/** The rate of one key: never more than its burst and its rate, never less, however the times fall. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { rateOf, take } from '../../src/access/gcra.ts';

/** Of all moments at which one is asked for, those at which there was one. */
function letIn(momentsMs: readonly number[], rate: ReturnType<typeof rateOf>): number[] {
  let emptyMs = 0;
  return momentsMs.filter((nowMs) => {
    const next = take(emptyMs, nowMs, rate);
    if (next >= 0) emptyMs = next;
    return next >= 0;
  });
}

const rates = fc
  .record({ count: fc.integer({ min: 1, max: 500 }), timeMs: fc.constantFrom(1_000, 60_000, 3_600_000) })
  .map(({ count, timeMs }) => rateOf(count, timeMs));
const gaps = fc.array(fc.double({ min: 0, max: 5_000, noNaN: true }), { minLength: 1, maxLength: 300 });

function momentsOf(gapsMs: readonly number[], startMs = 1): number[] {
  let nowMs = startMs;
  return gapsMs.map((gapMs) => (nowMs += gapMs));
}

describe('a rate', () => {
  it('lets in no more than the burst and what the time makes, from any moment to any other', () => {
    fc.assert(
      fc.property(rates, gaps, (rate, gapsMs) => {
        const times = letIn(momentsOf(gapsMs), rate);
        for (let from = 0; from < times.length; from += 7) {
          for (let to = from; to < times.length; to += 5) {
            const most = rate.burst + (times[to]! - times[from]!) / rate.everyMs;
            assert.ok(to - from + 1 <= most + 1e-6, `${to - from + 1} of ${most}`);
          }
        }
      }),
    );
  });

  it('refuses nobody who has not used it up', () => {
    fc.assert(
      fc.property(rates, gaps, (rate, gapsMs) => {
        const moments = momentsOf(gapsMs);
        const times = letIn(moments, rate);
        let at = 0;
        for (const nowMs of moments) {
          if (times[at] === nowMs) {
            at++;
            continue;
          }
          // Refused: from some moment on, all that there was has been taken.
          const isUsedUp = times
            .slice(0, at)
            .some((fromMs, from) => at - from + 1 > rate.burst + (nowMs - fromMs) / rate.everyMs - 1e-6);
          assert.ok(isUsedUp, `at ${nowMs}`);
        }
      }),
    );
  });

  it('says exactly when there is one again', () => {
    fc.assert(
      fc.property(rates, gaps, (rate, gapsMs) => {
        let emptyMs = 0;
        for (const nowMs of momentsOf(gapsMs)) {
          const next = take(emptyMs, nowMs, rate);
          if (next >= 0) {
            emptyMs = next;
            continue;
          }
          assert.ok(take(emptyMs, nowMs - next * 0.99 - 0.01, rate) < 0 || -next < 1, 'not before');
          assert.ok(take(emptyMs, nowMs - next, rate) >= 0, 'then');
        }
      }),
    );
  });

  it('is a burst at once, and then one in each interval', () => {
    for (const count of [1, 3, 7, 300, 5_000]) {
      const rate = rateOf(count, 1_000);
      assert.equal(letIn(Array(count + 5).fill(10), rate).length, count);
      const steady = Array.from({ length: 10_000 }, (_, i) => 10 + i);
      const expected = count + (9_999 / 1_000) * count;
      const there = letIn(steady, rate).length;
      assert.ok(Math.abs(there - Math.min(10_000, expected)) <= 1, `${there}, not ${expected}`);
    }
  });
});
