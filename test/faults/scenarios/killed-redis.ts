/** Redis is killed again and again under load. With `appendfsync always` nothing may be lost. */

import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom } from '../../support/random.ts';
import { quantileMs } from '../figures.ts';
import { run } from '../run.ts';
import { type Scenario, sized, violationsOf } from './scenario.ts';

export const killedRedis: Scenario = {
  name: 'killed-redis',
  promise: 'kill -9 of Redis (appendfsync always) 50 times under load: 0 accepted changes lost, 204s again within 3 s',
  async run(options) {
    const kills = sized(50, 3, options);
    const random = createRandom(options.seed);
    const backMs: number[] = [];
    const { verdict } = await run({
      seed: options.seed,
      planned: [],
      writers: 8,
      readers: 6,
      rate: 300,
      async during({ redis }, recorder) {
        for (let i = 0; i < kills; i++) {
          await sleep(200 + random.int(1_500));
          await redis.child.hold();
          await sleep(random.int(500));
          redis.child.release();
          await redis.ready();
          const readyAt = recorder.now;
          const isAnswered = () =>
            recorder.lines.findLast((line) => line.t === 'sent' && line.outcome === 'ok')!.at > readyAt;
          while (!isAnswered()) await sleep(5);
          backMs.push(recorder.now - readyAt);
        }
      },
    });
    const failures = violationsOf(verdict);
    const worstMs = Math.max(...backMs);
    if (worstMs > 3_000) failures.push(`after Redis was back it took ${Math.round(worstMs)} ms to the next 204`);
    return {
      figures: {
        ...verdict.figures,
        kills,
        'back p50 ms': quantileMs(backMs, 0.5),
        'back max ms': Math.round(worstMs),
      },
      failures,
    };
  },
};
