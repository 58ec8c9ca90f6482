/** The memory engine keeps the contract. Its clock is the test's, so nothing here waits for real time. */
import { systemClock } from '../../src/clock.ts';
import { createMemoryEngine } from '../../src/engine/memory/engine.ts';
import { generousOptions } from '../contract/engine/kit.ts';
import { engineContract } from '../contract/engine.ts';

engineContract({
  name: 'memory',
  supports: { unreadable: false },
  async create(options) {
    let elapsedMs = 0;
    const clock = { ...systemClock, elapsedMs: () => elapsedMs };
    const engine = createMemoryEngine({ ...generousOptions, ...options }, clock);
    return {
      engine,
      advance: (ms) => {
        elapsedMs += ms;
      },
      close: () => engine.close(),
    };
  },
});
