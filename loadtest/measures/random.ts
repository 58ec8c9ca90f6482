/** Random choices that a seed can make again, and the payloads that follow from who sends them. */

export interface Random {
  /** 0 ≤ result < 1. */
  next(): number;
  /** A whole number, 0 ≤ result < `below`. */
  int(below: number): number;
  /** The time to the next of events that come at random, `perMs` of them in a millisecond on average. */
  gapMs(perMs: number): number;
}

/** Mulberry32: 32 bits of state, good enough to choose who sends next. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    next,
    int: (below) => Math.floor(next() * below),
    gapMs: (perMs) => -Math.log(1 - next()) / perMs,
  };
}

/** 64 characters, none of which JSON, SSE or a URL would have to escape. */
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** What a client sends as its change `seq`: the same each time it is asked for, so that nothing has to be kept to compare. */
export function payloadOf(client: number, seq: number, bytes: number): string {
  let state = Math.imul(client + 1, 0x9e3779b1) ^ Math.imul(seq, 0x85ebca6b);
  let text = '';
  for (let i = 0; i < bytes; i++) {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x6d2b79f5;
    text += ALPHABET[state >>> 26];
  }
  return text;
}

const FNV_START = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** FNV-1a of a part of a buffer, 32 bits. */
export function hashOfBytes(bytes: Uint8Array, from: number, to: number): number {
  let hash = FNV_START;
  for (let at = from; at < to; at++) hash = Math.imul(hash ^ bytes[at]!, FNV_PRIME);
  return hash >>> 0;
}

/** The same of a text of ASCII characters. */
export function hashOfText(text: string): number {
  let hash = FNV_START;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), FNV_PRIME);
  return hash >>> 0;
}
