/** The delay of a server's event loop, measured inside it by Node's own histogram, of which the resolution is taken off. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Running } from './process.ts';

/** Milliseconds. */
export interface Delay {
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

const RESOLUTION_MS = 10;
/** For the signal to be seen and the file to be written. */
const SIGNAL_MS = 500;

/** The first signal begins the measurement anew, the next ones write what it has seen. */
const instrumentFor = (file: string) => `
  import { writeFileSync } from 'node:fs';
  import { monitorEventLoopDelay } from 'node:perf_hooks';
  const delay = monitorEventLoopDelay({ resolution: ${RESOLUTION_MS} });
  delay.enable();
  let hasBegun = false;
  process.on('SIGUSR2', () => {
    if (hasBegun) {
      const [p50, p99, p999] = [50, 99, 99.9].map((q) => delay.percentile(q) / 1e6);
      writeFileSync('${file}', JSON.stringify({ p50, p99, p999, max: delay.max / 1e6 }));
    }
    delay.reset();
    hasBegun = true;
  });
`;

export class LoopDelay implements Disposable {
  readonly #dir = mkdtempSync(join(tmpdir(), 'smallchange-loop-'));
  readonly #file = join(this.#dir, 'delay.json');
  /** What the server is to be started with. */
  readonly instrument = instrumentFor(this.#file);

  async begin(server: Running): Promise<void> {
    await sleep(SIGNAL_MS);
    server.signal('SIGUSR2');
    await sleep(SIGNAL_MS);
  }

  async end(server: Running): Promise<Delay> {
    server.signal('SIGUSR2');
    await sleep(SIGNAL_MS);
    const { p99, p999, max } = JSON.parse(readFileSync(this.#file, 'utf8')) as Delay;
    return { p99: p99 - RESOLUTION_MS, p999: p999 - RESOLUTION_MS, max: max - RESOLUTION_MS };
  }

  [Symbol.dispose](): void {
    rmSync(this.#dir, { recursive: true });
  }
}
