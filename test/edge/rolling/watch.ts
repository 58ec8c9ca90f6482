/** Watches where the streams of a fleet are, at a steady pace. */
import type { Member } from './member.ts';

export interface Second {
  readonly atMs: number;
  /** Streams by member; null where it does not answer. */
  readonly streams: ReadonlyMap<Member, number | null>;
}

const INTERVAL_MS = 1_000;
/** Over so many seconds a pace is an average: streams come one by one, and one second has more than the next. */
const PACE_WINDOW_S = 5;

export class Watch {
  readonly seconds: Second[] = [];
  readonly #gateways: readonly Member[];
  readonly #timer: NodeJS.Timeout;

  /** @param intervalMs As it is for `arrivalsPerS`, which counts in seconds; less where a peak must not be missed. */
  constructor(gateways: readonly Member[], intervalMs = INTERVAL_MS) {
    this.#gateways = gateways;
    this.#timer = setInterval(() => void this.#look(), intervalMs);
  }

  async #look(): Promise<void> {
    const atMs = performance.now();
    const loads = await Promise.all(this.#gateways.map(async (each) => [each, await each.load()] as const));
    this.seconds.push({ atMs, streams: new Map(loads.map(([each, load]) => [each, load?.streams ?? null])) });
  }

  /** As last seen. */
  get total(): number {
    return this.totalSince(0);
  }

  /** As last seen, if that was after this moment; else 0. */
  totalSince(ms: number): number {
    if ((this.seconds.at(-1)?.atMs ?? 0) <= ms) return 0;
    return [...(this.seconds.at(-1)?.streams.values() ?? [])].reduce<number>((sum, each) => sum + (each ?? 0), 0);
  }

  /** The most that any one of them ever had. */
  get highest(): number {
    return Math.max(0, ...this.seconds.flatMap(({ streams }) => [...streams.values()].map((each) => each ?? 0)));
  }

  /** How far the fullest and the emptiest are from the mean, as a share of it. */
  get unevenness(): number {
    const figures = [...(this.seconds.at(-1)?.streams.values() ?? [])].map((each) => each ?? 0);
    const mean = figures.reduce((sum, each) => sum + each, 0) / figures.length;
    return Math.max(...figures.map((each) => Math.abs(each - mean) / mean));
  }

  /** The most streams a second that came to other gateways than `leaving`, from then on. */
  arrivalsPerS(leaving: Member, fromMs: number): number {
    const seconds = this.seconds.filter(({ atMs }) => atMs >= fromMs);
    const others = this.#gateways.filter((each) => each !== leaving).map((each) => withoutGaps(seconds, each));
    let highest = 0;
    for (let i = PACE_WINDOW_S; i < seconds.length; i++) {
      const from = i - PACE_WINDOW_S;
      const grown = others.reduce((sum, counts) => sum + Math.max(0, counts[i]! - counts[from]!), 0);
      highest = Math.max(highest, (grown * 1000) / (seconds[i]!.atMs - seconds[from]!.atMs));
    }
    return highest;
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

/** Its streams by second; where it was too busy to answer, as many as before: else all would have come when it does again. */
function withoutGaps(seconds: readonly Second[], member: Member): number[] {
  const told = seconds.map(({ streams }) => streams.get(member) ?? null);
  let last = told.find((count) => count !== null) ?? 0;
  return told.map((count) => {
    last = count ?? last;
    return last;
  });
}
