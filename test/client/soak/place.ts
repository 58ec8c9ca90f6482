/** What the pages talk to: one server over memory, or roles apart over Redis, of which one after the other is killed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { startLab } from '../../faults/lab.ts';
import { startServer } from '../../support/process.ts';
import { createRandom } from '../../support/random.ts';
import type { Targets } from './middle.ts';

export interface Place extends Targets {
  readonly kills: Readonly<Record<string, number>>;
  /** Kills, if it has somebody to kill. */
  run(signal: AbortSignal): Promise<void>;
  end(): Promise<void>;
}

const ENV = { HISTORY_MAX_EVENTS: '100000', HEARTBEAT_MS: '2000', SPREAD_INTERVAL_MS: '0' };
/** Between two kills: somebody is away for a second, so that often two are. */
const KILL_MIN_MS = 500;
const KILL_MAX_MS = 4_000;

export async function startAlone(): Promise<Place> {
  const server = await startServer({ env: ENV });
  return {
    send: server.url,
    receive: server.url,
    kills: {},
    run: async () => undefined,
    end: async () => void (await server.stop()),
  };
}

export async function startFleet(seed: number): Promise<Place> {
  const random = createRandom(seed);
  const lab = await startLab({ seed, env: ENV, appendfsync: 'always' });
  const kills: Record<string, number> = { bucket: 0, merger: 0, gateway: 0 };
  return {
    send: lab.sendUrl,
    receive: lab.receiveUrl,
    kills,
    async run(signal) {
      while (!signal.aborted) {
        await sleep(KILL_MIN_MS + random.int(KILL_MAX_MS - KILL_MIN_MS), undefined, { signal }).catch(() => undefined);
        if (signal.aborted) break;
        const role = random.pick(lab.roles);
        // Of each kind one is left, however long another takes to come back.
        if (lab.of(role.kind).some(({ address }) => !address)) continue;
        // A machine that stands still in the middle of it has not waited.
        await role.child.hold().catch(() => undefined);
        role.child.release();
        kills[role.kind]!++;
      }
      await lab.ready().catch(() => lab.ready());
    },
    async end() {
      await lab.stop();
      lab.forget();
    },
  };
}
