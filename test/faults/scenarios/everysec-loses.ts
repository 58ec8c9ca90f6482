/**
 * The control for `killed-redis`: with `everysec` and an fsync that takes its time, Redis answers before it has even
 * written, and a kill takes that with it. The checker has to see it, or its silence elsewhere means nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { waitFor } from '../../support/wait.ts';
import { run } from '../run.ts';
import type { Scenario } from './scenario.ts';

/** Longer than the second after which Redis begins an fsync, shorter than the two it postpones a write at most. */
const FSYNC_MS = 1_900;
/** Some tens of changes and their commits. */
const UNWRITTEN_BYTES = 10_000;

export const everysecLoses: Scenario = {
  name: 'everysec-loses',
  promise: 'kill -9 of Redis with everysec and a delayed fsync DOES lose, and the checker sees it',
  async run({ seed }) {
    const { verdict } = await run({
      seed,
      planned: [],
      counts: { bucket: 1, merger: 1, gateway: 1 },
      writers: 8,
      readers: 3,
      rate: 300,
      appendfsync: 'everysec',
      needs: { slowFsync: true },
      async during({ ground, redis }) {
        ground.setFsyncMs(FSYNC_MS);
        for (let i = 0; i < 2; i++) {
          // What Redis has answered and not written, while an older fsync goes on.
          const unwritten = async () => {
            const info = await redis.cli('INFO', 'persistence');
            return Number(/aof_buffer_length:(\d+)/.exec(info)?.[1]) > UNWRITTEN_BYTES;
          };
          await sleep(1_000);
          await waitFor(unwritten, { timeoutMs: 15_000, what: 'Redis to be late with its writes' });
          await redis.child.kill9();
          await redis.ready();
        }
        ground.setFsyncMs(0);
      },
    });
    const lost = verdict.violations.filter(
      ({ invariant, what }) => invariant === 'I1' && what.startsWith('lost'),
    ).length;
    return { figures: { ...verdict.figures, lost }, failures: lost > 0 ? [] : ['the checker saw no loss'] };
  },
};
