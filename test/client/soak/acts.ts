/** What happens to a tab: looked away from, frozen, put to sleep with the machine, cached for "back", reloaded, killed. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../support/random.ts';
import type { Tab } from './tab.ts';

export type Act = (tab: Tab, random: Random) => Promise<void>;

const upTo = (random: Random, ms: number) => sleep(random.int(ms));

/** A stop of the process between two events of the page: while it lasts no timer and no callback runs. */
async function stand(tab: Tab, ms: number): Promise<void> {
  tab.signal('SIGSTOP');
  await sleep(ms);
  tab.signal('SIGCONT');
}

/** @param before What the browser tells the page first; then it may be killed there, as browsers do when memory is short. */
function putAway(before: 'frozen' | 'leaving'): Act {
  return async (tab, random) => {
    tab.isAwake = false;
    await tab.tell(before);
    if (random.chance(0.2)) {
      await tab.kill();
      return tab.begin();
    }
    await stand(tab, 200 + random.int(8_000));
    await tab.tell('back');
    tab.isAwake = true;
  };
}

export const acts: Readonly<Record<string, Act>> = {
  async killed(tab, random) {
    await tab.kill();
    await upTo(random, 3_000);
    tab.begin();
  },
  async reloaded(tab, random) {
    tab.isAwake = false;
    await tab.tell('leaving');
    await upTo(random, 50);
    await tab.kill();
    tab.begin();
  },
  frozen: putAway('frozen'),
  cached: putAway('leaving'),
  /** A phone in a pocket: nobody tells the page. */
  stopped: (tab, random) => stand(tab, 200 + random.int(8_000)),
  /** Longer than the page keeps its stream. */
  async hidden(tab, random) {
    await tab.tell('hidden');
    await upTo(random, 4_000);
    await tab.tell('visible');
  },
  online: (tab) => tab.tell('online'),
};
