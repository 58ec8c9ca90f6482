/**
 * Redis is stopped, and an old copy of its directory put in the place of the new one. Every stream has to be told; the
 * publishers, who know what they sent, send what may be missing once more.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom } from '../../support/random.ts';
import { startWriter } from '../clients/writer.ts';
import { copyData, putBack } from '../faults/store.ts';
import { CHANNELS, run } from '../run.ts';
import { awaitTold, RESET_MAX_MS, resend } from './after-loss.ts';
import { type Scenario, sized, violationsOf } from './scenario.ts';

export const restoredCopy: Scenario = {
  name: 'restored-copy',
  promise: 'old Redis copy restored: every stream told reset within 10 s, re-sent changes merged, 0 divergence',
  async run(options) {
    const rounds = sized(10, 1, options);
    const resets: number[] = [];
    let resent = 0;
    const failures: string[] = [];
    const random = createRandom(options.seed);
    const { verdict } = await run({
      seed: options.seed,
      planned: [],
      writers: 0,
      readers: 12,
      rate: 0,
      async during({ redis, sendUrl }, recorder, { readers }) {
        for (let i = 0; i < rounds; i++) {
          const writers = Array.from({ length: 8 }, (_, n) =>
            startWriter({
              name: `w${i}-${n}`,
              url: sendUrl,
              channels: CHANNELS,
              recorder,
              random,
              rate: 25,
              withSeq: true,
            }),
          );
          await sleep(1_000);
          const since = recorder.now;
          const copy = copyData(redis);
          await sleep(1_000 + random.int(2_000));
          // Publishers that go on with new seqs could not send the old ones again (P7).
          for (const writer of writers) writer.stop();
          await Promise.all(writers.map(({ done }) => done));
          await putBack(redis, copy);
          const loss = { t: 'loss', since, until: recorder.now } as const;
          const at = recorder.add(loss);
          resent += await resend({ sendUrl }, recorder, loss);
          resets.push(...(await awaitTold(recorder, at, readers, ['reset', 'resumed'], failures)));
        }
      },
    });
    failures.push(...violationsOf(verdict));
    const worstMs = Math.round(Math.max(...resets));
    if (worstMs > RESET_MAX_MS) failures.push(`a reset took ${worstMs} ms`);
    return { figures: { ...verdict.figures, rounds, resent, 'reset max ms': worstMs }, failures };
  },
};
