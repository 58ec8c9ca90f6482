/**
 * A minute in the laboratory: one run of all faults from a fixed seed, and beside it the scenarios, each as small as it can
 * be and still show what it is for. `npm run chaos` and `npm run scenario` are the same at full size.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { report } from './checker.ts';
import { faultsNamed, needsOf } from './faults/faults.ts';
import { run } from './run.ts';
import { scenarios } from './scenarios/scenarios.ts';
import { describePlan, planFaults } from './schedule.ts';

const SEED = 20_261_120;
/** A minute with start, rest and verdict. */
const FAULTS_MS = 48_000;
/** Of the full size; every scenario has a least one of its own. */
const SCALE = 0.02;

describe('laboratory', { concurrency: true }, () => {
  it(`finds no violation in a minute of all faults, seed ${SEED}`, async () => {
    const faults = faultsNamed('all');
    const planned = planFaults(SEED, faults, FAULTS_MS);
    const { verdict, dir } = await run({
      seed: SEED,
      planned,
      needs: needsOf(faults),
      writers: 6,
      readers: 9,
      rate: 100,
    });
    assert.deepEqual(verdict.violations, [], `${report(verdict)}\n${dir}\n${describePlan(planned)}`);
    assert.ok(verdict.figures.merged! > 500 && verdict.figures.delivered! > 1_000, report(verdict));
  });

  describe('scenarios', { concurrency: 2 }, () => {
    for (const { name, promise, run: play } of scenarios) {
      it(`${name}: ${promise}`, async () => {
        const { failures, figures } = await play({ seed: SEED, scale: SCALE });
        assert.deepEqual(failures, [], JSON.stringify(figures));
      });
    }
  });
});
