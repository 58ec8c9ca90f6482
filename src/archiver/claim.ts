/**
 * Whose it is to archive a shard: that of whoever has claimed it, as long as it shows to be alive. What keeps the archive right is
 * not this but the fence in the transaction of each write: this keeps two from doing the same work.
 */
import { randomUUID } from 'node:crypto';
import type { Archive, Watermark } from '../archive/archive.ts';
import type { Clock } from '../clock.ts';

/** An archiver that was silent for so long is replaced. */
const SILENT_MS = 5_000;
/** One that has nothing to write says that it is alive this often. */
const SIGN_MS = 1_000;

export class ShardClaim {
  readonly token = randomUUID();
  readonly #shard: number;
  readonly #archive: Pick<Archive, 'claim' | 'release'>;
  readonly #clock: Clock;
  #isOurs = false;
  #signedMs = Number.NEGATIVE_INFINITY;
  /** Of another, and since when it is the same. */
  #seen: { readonly sign: string; readonly sinceMs: number } | null = null;

  constructor(shard: number, archive: Pick<Archive, 'claim' | 'release'>, clock: Clock) {
    this.#shard = shard;
    this.#archive = archive;
    this.#clock = clock;
  }

  /**
   * Whether the shard is ours.
   *
   * @param onTaken Told up to where it is archived, where it has become ours just now.
   */
  async hold(onTaken: (watermark: Watermark) => void): Promise<boolean> {
    const nowMs = this.#clock.elapsedMs();
    if (this.#isOurs && nowMs - this.#signedMs < SIGN_MS) return true;
    const isSilent = this.#seen !== null && nowMs - this.#seen.sinceMs >= SILENT_MS;
    const claim = await this.#archive.claim(this.#shard, this.token, isSilent ? this.#seen!.sign : null);
    if (claim.kind === 'held') {
      this.#isOurs = false;
      if (this.#seen?.sign !== claim.sign) this.#seen = { sign: claim.sign, sinceMs: this.#clock.elapsedMs() };
      return false;
    }
    const wasOurs = this.#isOurs;
    this.#isOurs = true;
    this.#seen = null;
    this.#signedMs = nowMs;
    if (!wasOurs) onTaken(claim.watermark);
    return true;
  }

  get isOurs(): boolean {
    return this.#isOurs;
  }

  /** What was written under it may have been refused, or is not known: it is asked for, and looked at, again. */
  doubt(): void {
    this.#isOurs = false;
  }

  async release(): Promise<void> {
    if (!this.#isOurs) return;
    this.#isOurs = false;
    await this.#archive.release(this.#shard, this.token);
  }
}
