/** 5 % of all commands of all roles to Redis are done but never answered: bucket, merger and gateway alike. */

import { waitFor } from '../../support/wait.ts';
import { quantileMs, reconnectTimes } from '../figures.ts';
import { run } from '../run.ts';
import { type Scenario, sized, violationsOf } from './scenario.ts';

/** Many, because each waits for its answers: what one swallowed reply cuts off is a whole batch. */
const WRITERS = 256;

export const swallowedReplies: Scenario = {
  name: 'swallowed-replies',
  promise: 'reply swallowed on 5 % of Redis commands: 0 lost, 0 repeated',
  async run(options) {
    const changes = sized(165_000, 500, options);
    const beganMs = performance.now();
    let swallowed = 0;
    const result = await run({
      seed: options.seed,
      planned: [],
      writers: WRITERS,
      readers: 6,
      rate: 0,
      changesEach: Math.ceil(changes / WRITERS),
      calmMs: 100,
      async during(lab, _recorder, { writers }) {
        for (const { link } of lab.roles) link.set({ swallow: 0.05 });
        await Promise.all(writers.map(({ done }) => done));
        const count = () => lab.roles.reduce((sum, { link }) => sum + link.counts.swallowed, 0);
        // A few changes are a few commands, of which one in twenty may be none; roles ask on by themselves.
        await waitFor(() => count() > 0, { what: 'a reply to be swallowed' });
        for (const { link } of lab.roles) link.set();
        swallowed = count();
      },
    });
    const { figures } = result.verdict;
    const failures = violationsOf(result.verdict);
    const seconds = Math.round((performance.now() - beganMs) / 1000);
    return {
      figures: { ...figures, swallowed, seconds, 'stream back p99 ms': quantileMs(reconnectTimes(result.lines), 0.99) },
      failures,
    };
  },
};
