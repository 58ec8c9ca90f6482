/** What a process that starts makes of a Redis that refuses: replicas may come, so it waits for them; the rest is its operator's to mend. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Redis } from 'ioredis';
import { awaitEngine } from '../../src/await-engine.ts';
import { systemClock as clock } from '../../src/clock.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { call } from '../../src/engine/redis/nodes/calls.ts';
import type { Claim } from '../../src/engine/redis/start/fit.ts';
import { claimStore } from '../../src/engine/redis/start/start-checks.ts';
import { EngineUnusable } from '../../src/errors.ts';
import type { Logger } from '../../src/log.ts';

/** Starts on a Redis that answers so when its store is claimed, and that is usable when it is asked again. */
function start(refusal: string): { readonly tries: () => number; readonly started: Promise<Engine> } {
  let tries = 0;
  const error = Object.assign(new Error(refusal), { name: 'ReplyError' });
  const redis = {
    options: { commandTimeout: 1_000 },
    sendCommand: () => Promise.reject(error),
  } as unknown as Redis;
  const claim = () => call(redis, 'evalsha', []) as unknown as Promise<Claim>;
  const log = { warn() {} } as unknown as Logger;
  const open = async () => {
    if (++tries === 1) await claimStore(claim, { shards: 1, where: 'here', log });
    return {} as Engine;
  };
  return { tries: () => tries, started: awaitEngine(open, { clock, log, waitMs: 10_000 }) };
}

describe('a process that starts', () => {
  it('waits for the replicas of a primary', async () => {
    const { tries, started } = start('NOREPLICAS Not enough good replicas to write.');
    // What it is told of them is no reason to end.
    assert.equal(await started.then(() => 'started', String), 'started');
    assert.equal(tries(), 2);
  });

  for (const refusal of [
    'WRONGPASS invalid username-password pair or user is disabled.',
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
  ]) {
    it(`does not wait where somebody has to do something: ${refusal.slice(0, 9)}`, async () => {
      const { tries, started } = start(refusal);
      await assert.rejects(started, EngineUnusable);
      assert.equal(tries(), 1);
    });
  }
});
