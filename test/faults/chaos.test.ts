/**
 * Half a minute in the laboratory: one run of all faults from a fixed seed, and beside it the scenarios whose promise no other
 * test shows, each as small as it can be. `npm run chaos` and `npm run scenario` are the same at full size.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { projectRoot } from '../support/program.ts';
import { report } from './checker.ts';
import { faultsNamed, needsOf } from './faults/faults.ts';
import { run } from './run.ts';
import { scenarios } from './scenarios/scenarios.ts';
import { describePlan, planFaults } from './schedule.ts';

/** The first whose plan kills each kind of process and Redis, freezes and swallows, and cuts pub/sub. */
const SEED = 2973;
/** Half a minute with start, rest and verdict. */
const FAULTS_MS = 20_000;
/** Of the full size; every scenario has a least one of its own. */
const SCALE = 0.002;

/** What shows the promise of a scenario with fewer processes; `npm run scenario` has all. */
const SHOWN_BY: Readonly<Record<string, string>> = {
  'killed-redis': 'test/e2e/crash.test.ts',
  'everysec-loses': 'test/faults/checker.test.ts',
  'cut-pubsub': 'test/engine/redis-only.test.ts',
  'restored-copy': 'test/k8s/backup.test.ts',
  failover: 'test/engine/redis-vouching.test.ts',
  'refill-of-one': 'test/archiver/refill.test.ts',
  takeover: 'test/e2e/mergers-share.test.ts',
  'redis-away': 'test/e2e/crash.test.ts',
  'cluster-moves': 'test/engine/redis-cluster.test.ts',
  'cluster-freezes': 'test/engine/redis-cluster.test.ts',
  'cluster-loses': 'test/engine/redis-cluster.test.ts',
};

describe('laboratory', { concurrency: true }, () => {
  it(`finds no violation in ${FAULTS_MS / 1000} s of all faults, seed ${SEED}`, async () => {
    const planned = planFaults(SEED, faultsNamed('all'), FAULTS_MS);
    const { verdict, dir } = await run({
      seed: SEED,
      planned,
      needs: needsOf(planned.map(({ fault }) => fault)),
      writers: 6,
      readers: 9,
      rate: 60,
    });
    assert.deepEqual(verdict.violations, [], `${report(verdict)}\n${dir}\n${describePlan(planned)}`);
    // A twentieth of what a quiet machine does.
    assert.ok(verdict.figures.merged! > 50 && verdict.figures.delivered! > 100, report(verdict));
  });

  describe('scenarios', () => {
    for (const { name, promise, run: play } of scenarios.filter(({ name }) => !(name in SHOWN_BY))) {
      it(`${name}: ${promise}`, async () => {
        const { failures, figures } = await play({ seed: SEED, scale: SCALE });
        assert.deepEqual(failures, [], JSON.stringify(figures));
      });
    }

    it('that are not played here are shown by another test', () => {
      for (const [name, file] of Object.entries(SHOWN_BY)) {
        assert.ok(
          scenarios.some((each) => each.name === name),
          name,
        );
        assert.ok(existsSync(join(projectRoot, file)), file);
      }
    });
  });
});
