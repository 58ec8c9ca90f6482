/** A shard is looked over now and then, in parts, and at once again while a part was full. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Engine, SweepOutcome } from '../../src/engine/engine.ts';
import { Sweeper } from '../../src/merger/sweeper.ts';

const INTERVAL_MS = 10_000;
/** Of channels, and of publishers: as long as one script may keep a store busy. */
const PART_MAX = 200;

/** A store from which so many channels and publishers are to be forgotten. */
function shardWith({ channels, publishers }: { channels: number; publishers: number }) {
  const left = { channels, publishers };
  const limits: number[] = [];
  let nowMs = 0;
  const take = (of: keyof typeof left, limit: number) => {
    const count = Math.min(limit, left[of]);
    left[of] -= count;
    return Array.from({ length: count }, (_, i) => i);
  };
  const sweep = async (_shard: number, _token: string, limit: number): Promise<SweepOutcome> => {
    limits.push(limit);
    const gone = { channels: take('channels', limit).map((i) => `c${i}`), publishers: take('publishers', limit) };
    return { kind: 'swept', rev: 1, events: 0, ...gone } as unknown as SweepOutcome;
  };
  const engine = { sweep } as unknown as Engine;
  const sweeper = new Sweeper(0, { engine, clock: { elapsedMs: () => nowMs, wallMs: () => nowMs } });
  return { sweeper, left, limits, pass: (ms: number) => (nowMs += ms) };
}

for (const of of ['channels', 'publishers'] as const) {
  it(`${of}: many go in parts, one after the other without a pause, then it is quiet for a while`, async () => {
    const { sweeper, left, limits, pass } = shardWith({ channels: 0, publishers: 0, [of]: 2 * PART_MAX + 1 });
    assert.equal(await sweeper.sweepIfDue('t'), null);
    pass(INTERVAL_MS);
    const more: unknown[] = [];
    for (let i = 0; i < 3; i++) more.push((await sweeper.sweepIfDue('t'))?.isMore);
    assert.deepEqual(more, [true, true, false]);
    assert.equal(left[of], 0);
    assert.deepEqual(limits, [PART_MAX, PART_MAX, PART_MAX]);
    pass(INTERVAL_MS - 1);
    assert.equal(await sweeper.sweepIfDue('t'), null);
    assert.equal(limits.length, 3);
  });
}
