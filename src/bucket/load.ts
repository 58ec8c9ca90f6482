/** The load: how much waits for the engine's answer in all lanes together, and whether one lane may have more of it. */

/** Changes waiting for the engine's answer, and their bytes. More mean that it is frozen: then 503 at once. */
const UNANSWERED_MAX = 20_000;
const UNANSWERED_MAX_BYTES = 64 << 20;
/** From this part of them on a lane may have no more than its even share: what is frozen leaves room for what is not. */
const CROWDED = 0.5;

/** What waits in one lane. */
export interface LaneLoad {
  readonly unanswered: number;
  readonly unansweredBytes: number;
}

export class Load {
  readonly #shareMax: number;
  readonly #shareMaxBytes: number;
  #unanswered = 0;
  #bytes = 0;
  #whenNone: (() => void)[] = [];

  constructor(lanes: number) {
    this.#shareMax = UNANSWERED_MAX / lanes;
    this.#shareMaxBytes = UNANSWERED_MAX_BYTES / lanes;
  }

  hasRoomFor({ unanswered, unansweredBytes }: LaneLoad): boolean {
    const part = Math.max(this.#unanswered / UNANSWERED_MAX, this.#bytes / UNANSWERED_MAX_BYTES);
    if (part < CROWDED) return true;
    return part < 1 && unanswered < this.#shareMax && unansweredBytes < this.#shareMaxBytes;
  }

  add(bytes: number): void {
    this.#unanswered++;
    this.#bytes += bytes;
  }

  subtract(changes: number, bytes: number): void {
    this.#unanswered -= changes;
    this.#bytes -= bytes;
  }

  /** To be called when those that were subtracted have been told. */
  settled(): void {
    if (this.#unanswered > 0) return;
    for (const resolve of this.#whenNone) resolve();
    this.#whenNone = [];
  }

  /** Resolves when nothing waits. */
  async none(): Promise<void> {
    if (this.#unanswered > 0) await new Promise<void>((resolve) => this.#whenNone.push(resolve));
  }
}
