/** When a position can be resumed from, and why not: a table, then the meaning behind it on a simulated log. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type GapReason, gapAt, type LogBounds } from '../../src/domain/position.ts';

const bounds = (head: number, base: number, oldest: number, forgotten: number): LogBounds => ({
  epoch: 'aaaaaa',
  head,
  base,
  oldest,
  forgotten,
});

describe('gapAt', () => {
  const trimmed = bounds(100, 0, 91, 0);
  const whole = bounds(12, 10, 11, 0);
  const returned = bounds(12, 10, 11, 7);
  const returnedTrimmed = bounds(20, 10, 15, 7);
  const empty = bounds(10, 10, 11, 0);
  const emptyAfterForgetting = bounds(10, 10, 11, 7);

  const table: readonly [string, LogBounds, offset: number, GapReason | undefined][] = [
    ['at the head', trimmed, 100, undefined],
    ['just before the oldest kept', trimmed, 90, undefined],
    ['one too old', trimmed, 89, 'trimmed'],
    ['at the very beginning of a trimmed log', trimmed, 0, 'trimmed'],
    ['ahead of the log', trimmed, 101, 'ahead'],
    ['at the base of a whole log', whole, 10, undefined],
    ['given out while the channel was empty', whole, 3, undefined],
    ['given out while empty, nothing ever forgotten', whole, 0, undefined],
    ['given out while empty, after the last forgetting', returned, 7, undefined],
    ['of an earlier channel of the same name', returned, 6, 'forgotten'],
    ['given out while empty, but the first events are gone', returnedTrimmed, 8, 'trimmed'],
    ['of an earlier channel, and trimmed as well', returnedTrimmed, 3, 'forgotten'],
    ['at the head of an empty channel', empty, 10, undefined],
    ['an older head of an empty channel', empty, 4, undefined],
    ['ahead of an empty channel', empty, 11, 'ahead'],
    ['from before something was forgotten', emptyAfterForgetting, 6, 'forgotten'],
    ['from after it', emptyAfterForgetting, 7, undefined],
  ];
  for (const [name, log, offset, expected] of table) {
    it(`${name}: ${expected ?? 'resumes'}`, () => assert.equal(gapAt({ epoch: 'aaaaaa', offset }, log), expected));
  }

  it('of another epoch is a gap whatever the offset', () => {
    for (const offset of [0, 90, 100, 101]) assert.equal(gapAt({ epoch: 'bbbbbb', offset }, trimmed), 'epoch');
  });
});

/**
 * A shard with one channel under watch, as the contract describes it. Beside it lives what really happened: which events
 * of the channel a reader who stood at each position has not seen.
 */
function simulate(steps: readonly ('own' | 'other' | 'trim' | 'forget')[]) {
  let events = 0;
  let forgotten = 0;
  let base: number | null = null;
  let kept: number[] = [];
  const everMade: number[] = [];
  /** Positions that were the channel's head at some time: what a server can have given out. */
  const givenOut = new Set<number>();
  const head = () => everMade.at(-1) ?? 0;
  const log = (): LogBounds =>
    base === null
      ? bounds(events, events, events + 1, forgotten)
      : bounds(head(), base, kept[0] ?? head() + 1, forgotten);
  givenOut.add(0);
  for (const step of steps) {
    if (step === 'other' && base === null) events++;
    if (step === 'own') {
      // Offsets of a channel are contiguous, and a new channel begins after everything its shard ever made.
      const next: number = base === null ? events + 1 : head() + 1;
      base ??= events;
      events = Math.max(events + 1, next);
      everMade.push(next);
      kept.push(next);
    }
    if (step === 'trim') kept = kept.slice(Math.ceil(kept.length / 2));
    if (step === 'forget' && base !== null) {
      forgotten = events;
      base = null;
      kept = [];
    }
    givenOut.add(log().head);
  }
  return { log: log(), kept, everMade, givenOut };
}

describe('a reader that resumes', () => {
  it('is given every event it has not seen, or is told of a gap', () => {
    const step = fc.constantFrom('own', 'own', 'own', 'other', 'trim', 'forget') as fc.Arbitrary<
      'own' | 'other' | 'trim' | 'forget'
    >;
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { log, kept, everMade, givenOut } = simulate(steps);
        for (const offset of givenOut) {
          if (gapAt({ epoch: 'aaaaaa', offset }, log) !== undefined) continue;
          assert.deepEqual(
            kept.filter((one) => one > offset),
            everMade.filter((one) => one > offset),
            `after ${offset} of ${JSON.stringify(log)}`,
          );
        }
        assert.equal(gapAt({ epoch: 'aaaaaa', offset: log.head }, log), undefined, 'the head itself always resumes');
      }),
      { numRuns: 2000 },
    );
  });
});
