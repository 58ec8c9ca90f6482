/**
 * Tokens that were verified a moment ago, by every byte of them.
 *
 * The last characters, which are those of the signature, are only the index: a hit has compared all. An entry is good for as long as
 * its verification says, which is the time that keys may be known before they are asked for again.
 */
import type { Clock } from '../clock.ts';
import type { Principal } from './access.ts';

const ENTRIES_MAX = 10_000;
const BYTES_MAX = 16 << 20;
/** Of an entry beside its token, and for each byte of that: the principal with its lists and names. */
const ENTRY_BYTES = 1024;
const BYTES_PER_BYTE = 4;
/** Characters of the index: 128 bits of the signature. */
const TAIL = 22;
/** How often it is looked which are not good any more. They are good for so much longer. */
export const SWEEP_MS = 30_000;

interface Entry {
  readonly token: Buffer;
  readonly principal: Principal;
  /** By the elapsed clock. */
  readonly untilMs: number;
}

export class TokenCache {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  readonly #sweeps: NodeJS.Timeout;
  #bytes = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#sweeps = setInterval(() => this.#sweep(), SWEEP_MS).unref();
  }

  get size(): number {
    return this.#entries.size;
  }

  /** @param nowMs By the wall clock, as `exp` is. */
  find(bytes: Buffer, start: number, end: number, nowMs: number): Principal | undefined {
    if (end - start <= TAIL) return undefined;
    const entry = this.#entries.get(bytes.toString('latin1', end - TAIL, end));
    if (entry === undefined || entry.token.length !== end - start) return undefined;
    if (bytes.compare(entry.token, 0, entry.token.length, start, end) !== 0) return undefined;
    return nowMs < entry.principal.identity.expiresMs ? entry.principal : undefined;
  }

  /** @param goodForMs From now. */
  keep(token: string, principal: Principal, goodForMs: number): void {
    if (goodForMs <= 0 || token.length <= TAIL) return;
    const tail = token.slice(-TAIL);
    this.#drop(tail);
    // Of its own: a small part of a common block would keep all of that.
    const bytes = Buffer.allocUnsafeSlow(token.length);
    bytes.write(token, 'latin1');
    this.#entries.set(tail, { token: bytes, principal, untilMs: this.#clock.elapsedMs() + goodForMs });
    this.#bytes += weightOf(bytes);
    while (this.#entries.size > ENTRIES_MAX || this.#bytes > BYTES_MAX) this.#drop(this.#entries.keys().next().value!);
  }

  /** None is good any more: a key was withdrawn. */
  clear(): void {
    this.#entries.clear();
    this.#bytes = 0;
  }

  close(): void {
    clearInterval(this.#sweeps);
  }

  #drop(tail: string): void {
    const entry = this.#entries.get(tail);
    if (entry === undefined) return;
    this.#entries.delete(tail);
    this.#bytes -= weightOf(entry.token);
  }

  #sweep(): void {
    const nowMs = this.#clock.elapsedMs();
    for (const [tail, { untilMs }] of this.#entries) if (nowMs >= untilMs) this.#drop(tail);
  }
}

function weightOf(token: Buffer): number {
  return token.length * BYTES_PER_BYTE + ENTRY_BYTES;
}
