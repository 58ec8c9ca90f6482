/** Whose a shard is: the share of each merger by the roll call, and what it takes, leaves and gives back. */
import assert from 'node:assert/strict';
import { it, mock } from 'node:test';
import type { Clock } from '../../src/clock.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { createMemoryEngine } from '../../src/engine/memory/engine.ts';
import { createLogger } from '../../src/log.ts';
import { Roll, tagOf } from '../../src/merger/roll.ts';
import { Share, shareOf } from '../../src/merger/share.ts';
import { Tenure } from '../../src/merger/tenure.ts';
import { generousOptions } from '../contract/engine/kit.ts';

const LEASE_MS = 5_000;
const log = createLogger({ logLevel: 'silent' });
const limits = { maxEntries: 1, maxBytes: 1 };

it('all shares together are all shards, and none is larger than another by more than one', () => {
  for (const shards of [1, 16, 64, 1_024]) {
    for (const mergers of [1, 2, 3, 7, 64, 100]) {
      const shares = Array.from({ length: mergers }, (_, place) => shareOf(shards, { mergers, place }));
      assert.equal(
        shares.reduce((sum, share) => sum + share),
        shards,
      );
      assert.ok(Math.max(...shares) - Math.min(...shares) <= 1);
    }
  }
  assert.equal(shareOf(64, { mergers: 0, place: 0 }), 0, 'while nobody knows who else is there');
});

/** Mergers of one store of 8 shards, each as many tenures, on a clock that the test owns. */
function startBench() {
  let nowMs = 0;
  const clock: Clock = { wallMs: () => nowMs, elapsedMs: () => nowMs };
  const engine = createMemoryEngine({ ...generousOptions, shards: 8 }, clock);
  const mergerOf = (mergers: number, place: number) => {
    const at = { mergers, place };
    const share = new Share(8, at);
    let left = 0;
    const deps = { engine, clock, leaseMs: LEASE_MS, share, onLeft: () => void left++ };
    const tenures = Array.from({ length: 8 }, (_, shard) => new Tenure(shard, deps));
    return {
      at,
      share,
      tenures,
      left: () => left,
      look: () => Promise.all(tenures.map(async (tenure) => (await tenure.peek(limits)).kind)),
      async giveBack() {
        for (const tenure of tenures) if (tenure.isDueBack) await tenure.release();
      },
    };
  };
  const passMs = (ms: number) => {
    nowMs += ms;
  };
  return { mergerOf, engine, passMs };
}

it('takes no more than its share, also when it looks at all at once, and leaves the others', async () => {
  const { mergerOf } = startBench();
  const [a, b] = [mergerOf(2, 0), mergerOf(2, 1)];
  await a.look();
  assert.deepEqual([a.share.held, a.left()], [4, 4]);
  await b.look();
  assert.deepEqual([a.share.held, b.share.held], [4, 4]);
});

it('gives back what is above its share once another is there, and no more', async () => {
  const { mergerOf } = startBench();
  const a = mergerOf(1, 0);
  await a.look();
  assert.equal(a.share.held, 8);
  Object.assign(a.at, { mergers: 3, place: 1 });
  await a.giveBack();
  const [b, c] = [mergerOf(3, 0), mergerOf(3, 2)];
  for (const each of [c, b, a]) await each.look();
  assert.deepEqual([a.share.held, b.share.held, c.share.held], [3, 3, 2]);
});

it('who is the last gives nothing back, whatever it has', async () => {
  const { mergerOf } = startBench();
  const a = mergerOf(1, 0);
  await a.look();
  Object.assign(a.at, { mergers: 0 });
  await a.giveBack();
  assert.equal(a.share.held, 8);
});

it('what stays nobody’s is taken by whoever finds it, and kept for a while', async () => {
  const { mergerOf, passMs } = startBench();
  const a = mergerOf(2, 0);
  await a.look();
  passMs(999);
  await a.look();
  assert.equal(a.share.held, 4, 'the other one may be slow');
  passMs(1);
  await a.look();
  assert.equal(a.share.held, 8, 'but not for as long as that');
  await a.giveBack();
  assert.equal(a.share.held, 8);
  passMs(5_000);
  await a.giveBack();
  assert.equal(a.share.held, 4);
});

it('the time for which a shard was another’s does not count', async () => {
  const { mergerOf, passMs } = startBench();
  const [a, b] = [mergerOf(2, 0), mergerOf(2, 1)];
  await a.look();
  for (let i = 0; i < 10; i++) {
    passMs(600);
    await b.look();
    await a.look();
    for (const tenure of b.tenures) if (tenure.isOurs) await tenure.release();
    passMs(600);
    await a.look();
  }
  assert.equal(a.share.held, 4);
});

it('a lease that was lost is no part of the share any more', async () => {
  const { mergerOf, passMs } = startBench();
  const [a, b] = [mergerOf(1, 0), mergerOf(1, 0)];
  await a.look();
  passMs(LEASE_MS);
  await b.look();
  assert.deepEqual([await a.look(), a.share.held, b.share.held], [Array(8).fill('held'), 0, 8]);
});

it('a lease whose taking had no answer is found again under the same token, and counts', async () => {
  const { mergerOf, engine } = startBench();
  const { peek } = engine;
  engine.peek = async (...asked) => {
    const answer = await peek(...asked);
    if (asked[1].takes) throw new Error('the answer is lost');
    return answer;
  };
  const a = mergerOf(1, 0);
  await assert.rejects(a.look());
  assert.equal(a.share.held, 0);
  engine.peek = peek;
  assert.deepEqual(await a.look(), Array(8).fill('entries'));
  assert.equal(a.share.held, 8);
});

/** Rolls on a store that the test can take away, and time that it owns. */
async function startRolls(tags: readonly number[]) {
  let nowMs = 0;
  let isAway = false;
  const clock: Clock = { wallMs: () => nowMs, elapsedMs: () => nowMs };
  const memory = createMemoryEngine(generousOptions, clock);
  const gather: Engine['gather'] = async (...asked) =>
    isAway ? Promise.reject(new Error('away')) : memory.gather(...asked);
  mock.timers.enable({ apis: ['setInterval'] });
  const rolls = tags.map((tag) => {
    let changes = 0;
    const roll = new Roll({ engine: { gather }, log, clock, tag }, () => void changes++);
    return { roll, changes: () => changes };
  });
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 100) {
      nowMs += 100;
      mock.timers.tick(100);
      await new Promise(setImmediate);
    }
  };
  const away = (is: boolean) => {
    isAway = is;
  };
  return { rolls, pass, away };
}

it('mergers know of each other within a second, each has a place of its own, and one that left is gone at once for who asks', async () => {
  const { rolls, pass, away } = await startRolls([7, 7, 7]);
  try {
    for (const { roll } of rolls) await roll.start();
    assert.equal(rolls[2]!.roll.mergers, 3);
    await pass(1_000);
    assert.deepEqual(
      rolls.map(({ roll }) => roll.mergers),
      [3, 3, 3],
    );
    assert.deepEqual(new Set(rolls.map(({ roll }) => roll.place)), new Set([0, 1, 2]));
    const changes = rolls[0]!.changes();
    await pass(2_000);
    assert.equal(rolls[0]!.changes(), changes, 'nothing has changed');
    await rolls[2]!.roll.leave();
    await pass(100);
    for (let i = 0; i < 5; i++) rolls[0]!.roll.hurry();
    await new Promise(setImmediate);
    assert.deepEqual([rolls[0]!.roll.mergers, rolls[0]!.changes()], [2, changes + 1]);
    away(true);
    await pass(5_000);
    assert.equal(rolls[0]!.roll.mergers, 2, 'who cannot ask believes what it knew');
  } finally {
    for (const { roll } of rolls) await roll.leave();
    mock.timers.reset();
  }
});

it('one that says nothing any more is gone before a lease is over', async () => {
  const { rolls, pass } = await startRolls([7, 7]);
  const [witness, killed] = rolls as [(typeof rolls)[0], (typeof rolls)[0]];
  try {
    // Has spoken once, and has no rounds.
    killed.roll.hurry();
    await witness.roll.start();
    assert.equal(witness.roll.mergers, 2);
    await pass(2_000);
    assert.equal(witness.roll.mergers, 2, 'a round may be late');
    await pass(2_000);
    assert.equal(witness.roll.mergers, 1);
  } finally {
    await witness.roll.leave();
    mock.timers.reset();
  }
});

it('mergers with other settings are not of one mind, whatever their places are', async () => {
  const { rolls, pass } = await startRolls([tagOf(['a']), tagOf(['b'])]);
  try {
    await rolls[0]!.roll.start();
    assert.equal(rolls[0]!.roll.isOfOneMind, true);
    await rolls[1]!.roll.start();
    await pass(1_000);
    assert.deepEqual(
      rolls.map(({ roll }) => roll.isOfOneMind),
      [false, false],
    );
    await rolls[1]!.roll.leave();
    await pass(2_000);
    assert.equal(rolls[0]!.roll.isOfOneMind, false, 'it may only have been unheard');
    const changes = rolls[0]!.changes();
    await pass(3_000);
    assert.equal(rolls[0]!.roll.isOfOneMind, true);
    assert.equal(rolls[0]!.changes(), changes + 1, 'which is told');
  } finally {
    await rolls[0]!.roll.leave();
    mock.timers.reset();
  }
});
