/** The memory of each process while it is attacked: what it had before, its peak by the kernel, and what it may have. */
import type { Attack, Size } from './attack.ts';
import { type Bound, boundOf } from './budget.ts';
import { peakBytes, resetPeak, residentBytes } from './gauges.ts';
import type { Ground } from './ground.ts';

/** Of one process, bytes. */
export interface Weighed extends Bound {
  readonly pid: number;
  readonly beforeBytes: number;
  readonly peakBytes: number;
}

/** The kernel keeps the peak, but of a process that has ended there is none any more. */
const SAMPLE_MS = 50;

export class Scales {
  readonly #processes: (Weighed & { peakBytes: number })[];

  /** @param ground What it weighs now is what it had before. */
  constructor({ servers, config }: Ground, { store, holds, storedBytes }: Attack, size: Size) {
    const stored = store === 'memory' ? (storedBytes?.(size) ?? 0) : 0;
    this.#processes = servers.map(({ pid }) => {
      const beforeBytes = residentBytes(pid);
      resetPeak(pid);
      return { pid, beforeBytes, peakBytes: beforeBytes, ...boundOf(config, holds, stored, beforeBytes) };
    });
  }

  get processes(): readonly Weighed[] {
    return this.#processes;
  }

  async during<T>(work: () => Promise<T>): Promise<T> {
    const timer = setInterval(() => this.#sample(), SAMPLE_MS);
    try {
      return await work();
    } finally {
      clearInterval(timer);
      this.#sample();
    }
  }

  #sample(): void {
    for (const each of this.#processes) each.peakBytes = Math.max(each.peakBytes, peakBytes(each.pid));
  }
}
