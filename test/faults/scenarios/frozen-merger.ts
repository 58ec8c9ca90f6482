/**
 * A merger is stopped in the middle of its work for longer than its lease, another one takes the shard, and then the
 * first goes on as if nothing had been. Its link is slow, so that it is nearly always between its reading and its commit.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom } from '../../support/random.ts';
import { run } from '../run.ts';
import { type Scenario, sized, violationsOf } from './scenario.ts';

const LEASE_MS = 300;
const REFUSED = 'commit refused: reading the shard again';
/** Whether a stop falls between a reading and its commit is chance; by so many rounds it has. */
const MAX_ROUNDS = 60;

export const frozenMerger: Scenario = {
  name: 'frozen-merger',
  promise: 'SIGSTOP of a merger past its lease while another works, then SIGCONT: refused commit seen, 0 repeated',
  async run(options) {
    const planned = sized(40, 4, options);
    let rounds = 0;
    const random = createRandom(options.seed);
    const { verdict, said } = await run({
      seed: options.seed,
      planned: [],
      counts: { bucket: 1, gateway: 1 },
      writers: 8,
      readers: 3,
      rate: 300,
      env: { MERGE_LEASE_MS: String(LEASE_MS) },
      async during(lab) {
        const mergers = lab.of('merger');
        for (const { link } of mergers) link.set({ delayMs: 15 });
        const isSeen = () => mergers.some((merger) => merger.said(REFUSED) > 0);
        for (; rounds < planned || (rounds < MAX_ROUNDS && !isSeen()); rounds++) {
          // In turn: what one is stopped for, the other has taken, and works on when it is stopped itself.
          const { child } = mergers[rounds % mergers.length]!;
          child.signal('SIGSTOP');
          // Now and then for longer than a command may take as well.
          await sleep(LEASE_MS + 100 + (rounds % 5 === 4 ? 2_000 : random.int(400)));
          child.signal('SIGCONT');
          await sleep(100 + random.int(400));
        }
        for (const { link } of mergers) link.set();
      },
    });
    const refused = said('merger', REFUSED);
    const failures = violationsOf(verdict);
    if (refused === 0) failures.push('no commit was refused');
    return { figures: { ...verdict.figures, rounds, refused }, failures };
  },
};
