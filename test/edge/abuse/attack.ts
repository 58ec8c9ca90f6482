/** What every kind of abuse has in common, and its process: whoever measures is not to be slowed down by its own attack. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { asTypeScript } from '../../support/typescript.ts';
import { waitFor } from '../../support/wait.ts';
import type { FloodOptions } from './floods.ts';
import type { ReplayOptions } from './replay.ts';
import type { SlowOptions } from './slow-senders.ts';

export type Figures = Readonly<Record<string, number>>;

export interface Attack {
  readonly figures: Figures;
  /** A sentence for each thing that was answered as it must not be. Asked once it is over. */
  faults(): Promise<readonly string[]>;
  /** Goes on with what it holds, and sends nothing; only where that makes a difference. */
  rest?(): void;
  /** Sends nothing more, and lets go of everything. */
  stop(): void;
}

export type Order =
  | ({ readonly kind: 'slow' } & SlowOptions)
  | ({ readonly kind: 'flood' } & FloodOptions)
  | ({ readonly kind: 'replay' } & ReplayOptions);

/** From the attacker's process: figures now and then, and faults once, at its end. */
export interface Report {
  readonly figures: Figures;
  readonly faults: readonly string[] | null;
}

export interface Attacker {
  /** As last told. */
  readonly figures: Figures;
  rest(): void;
  /** @returns Once it is over; @throws when its process has failed. */
  end(): Promise<readonly string[]>;
}

/** An attacker has a machine of its own: here it gets what is left of the time, and never a turn that another could have. */
const IDLE = ['--idle', '0', process.execPath];

/** A full corpus of channels is read at the end. */
const END_TIMEOUT_MS = 60_000;

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** @returns Once it has begun. */
export async function startAttacker(order: Order): Promise<Attacker> {
  const file = fileURLToPath(new URL('attacker.ts', import.meta.url));
  const child = fork(file, [JSON.stringify(order)], { execPath: 'chrt', execArgv: [...IDLE, ...asTypeScript] });
  running.add(child);
  let last: Report | undefined;
  let hasEnded = false;
  child.on('message', (report) => {
    last = report as Report;
  });
  const ended = once(child, 'exit').then(() => {
    hasEnded = true;
    running.delete(child);
  });
  const report = <T>(found: () => T | undefined | null, what: string) =>
    waitFor(
      () => {
        const seen = found();
        if (hasEnded && !seen) throw new Error(`the attacker of ${order.kind} has ended before ${what}`);
        return seen;
      },
      { timeoutMs: END_TIMEOUT_MS, what },
    );
  await report(() => last, 'its first figures');
  return {
    get figures() {
      return last!.figures;
    },
    rest: () => void child.send('rest'),
    async end() {
      child.send('end');
      const faults = await report(() => last?.faults, 'its faults');
      await ended;
      return faults;
    },
  };
}
