/**
 * Tokens that were verified a moment ago, by every byte of them.
 *
 * A hash of the last characters, which are those of the signature, is only the index: a hit has compared all. An entry is good for as long
 * as its verification says, which is the time that keys may be known before they are asked for again.
 *
 * It is asked for every request that brings a token, so nothing is made for one that is known: no text of its bytes, and no object.
 */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { Principal } from './access.ts';

const ENTRIES_MAX = 10_000;
const BYTES_MAX = 16 << 20;
/** Of an entry beside its token, and for each byte of that: the principal with its lists and names. */
const ENTRY_BYTES = 1024;
const BYTES_PER_BYTE = 4;
/** Characters of the index: 48 bits of the signature, of which 32 are left. */
const TAIL = 8;
const CR = 0x0d;
const LF = 0x0a;
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
  readonly #entries = new Map<number, Entry>();
  readonly #sweeps: NodeJS.Timeout;
  /** So that nobody can choose which tokens take each other's place. */
  readonly #seed = randomBytes(4).readInt32LE();
  #bytes = 0;
  /** What `endAt` has found last, and where, for `find`, which is asked for the same next. */
  #read: Entry | null = null;
  #readIn: Buffer | null = null;
  #readAt = 0;
  #readLength = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#sweeps = setInterval(() => this.#sweep(), SWEEP_MS).unref();
  }

  get size(): number {
    return this.#entries.size;
  }

  /**
   * Where one of these ends that begins there, if CR LF is behind it; else −1.
   *
   * @param bytes Not changed until `find` is asked for the same.
   */
  endAt(bytes: Buffer, start: number): number {
    // Most are as long as the one before. Where not, the CR that is found first is the end of the line.
    let end = start + this.#readLength;
    if (!isLineEnd(bytes, end)) end = bytes.indexOf(CR, start);
    const entry = isLineEnd(bytes, end) ? this.#entryAt(bytes, start, end) : undefined;
    if (entry === undefined) return -1;
    this.#read = entry;
    this.#readIn = bytes;
    this.#readAt = start;
    this.#readLength = end - start;
    return end;
  }

  /** @param nowMs By the wall clock, as `exp` is. */
  find(bytes: Buffer, start: number, end: number, nowMs: number): Principal | undefined {
    const isRead = bytes === this.#readIn && start === this.#readAt && end - start === this.#readLength;
    const entry = isRead ? this.#read : this.#entryAt(bytes, start, end);
    this.#readIn = null;
    if (entry == null) return undefined;
    return nowMs < entry.principal.identity.expiresMs ? entry.principal : undefined;
  }

  /** @param goodForMs From now. */
  keep(token: string, principal: Principal, goodForMs: number): void {
    if (goodForMs <= 0 || token.length <= TAIL) return;
    // Of its own: a small part of a common block would keep all of that.
    const bytes = Buffer.allocUnsafeSlow(token.length);
    bytes.write(token, 'latin1');
    const tail = tailOf(bytes, bytes.length, this.#seed);
    this.#drop(tail);
    this.#entries.set(tail, { token: bytes, principal, untilMs: this.#clock.elapsedMs() + goodForMs });
    this.#bytes += weightOf(bytes);
    while (this.#entries.size > ENTRIES_MAX || this.#bytes > BYTES_MAX) this.#drop(this.#entries.keys().next().value!);
  }

  /** None is good any more: a key was withdrawn. */
  clear(): void {
    this.#entries.clear();
    this.#bytes = 0;
    this.#readIn = null;
  }

  close(): void {
    clearInterval(this.#sweeps);
  }

  #entryAt(bytes: Buffer, start: number, end: number): Entry | undefined {
    if (end - start <= TAIL) return undefined;
    const entry = this.#entries.get(tailOf(bytes, end, this.#seed));
    if (entry === undefined || entry.token.length !== end - start) return undefined;
    return bytes.compare(entry.token, 0, entry.token.length, start, end) === 0 ? entry : undefined;
  }

  #drop(tail: number): void {
    const entry = this.#entries.get(tail);
    if (entry === undefined) return;
    this.#entries.delete(tail);
    this.#bytes -= weightOf(entry.token);
    if (entry === this.#read) this.#readIn = null;
  }

  #sweep(): void {
    const nowMs = this.#clock.elapsedMs();
    for (const [tail, { untilMs }] of this.#entries) if (nowMs >= untilMs) this.#drop(tail);
  }
}

function isLineEnd(bytes: Buffer, at: number): boolean {
  return at >= 0 && at + 1 < bytes.length && bytes[at] === CR && bytes[at + 1] === LF;
}

/** A hash of the last characters before `end`: 32 bits, as a number that is held without an object. */
function tailOf(bytes: Buffer, end: number, seed: number): number {
  let hash = seed;
  for (let at = end - TAIL; at < end; at++) {
    hash = Math.imul(hash ^ bytes[at]!, 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  return hash;
}

function weightOf(token: Buffer): number {
  return token.length * BYTES_PER_BYTE + ENTRY_BYTES;
}
