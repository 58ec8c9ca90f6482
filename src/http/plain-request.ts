/**
 * Reads a request of the plainest kind: POST or PUT, one chunk, one unmistakable meaning. Everything else is undefined, and
 * then Node's parser reads the very same bytes.
 *
 * So this must never be more lenient than what follows it there (Node's parser, `strict.ts`, `body.ts`), and need not be
 * complete: no folding, no coding, no trailer, no escaped path, nothing before or behind. A field that could change what
 * the bytes mean, or that only a route knows the meaning of, is a reason to give up. RFC 9112 §3, §5, §6.
 */

export interface PlainRequest {
  readonly method: 'POST' | 'PUT';
  /** Of `A–Z a–z 0–9 . _ - /` only. */
  readonly path: string;
  /** What is behind `?`, of the same and `= &`; `''` when nothing is. */
  readonly query: string;
  /** Where in the chunk the Host begins, and where it ends: blanks behind it may be part of that. */
  readonly hostStart: number;
  readonly hostEnd: number;
  readonly origin: string | undefined;
  /** Where the value of Authorization begins, and where it ends; 0 where there is none. No blank is around it. */
  readonly authorizationStart: number;
  readonly authorizationEnd: number;
  /** The same of X-Forwarded-For. */
  readonly forwardedStart: number;
  readonly forwardedEnd: number;
  /** The same of Cookie. */
  readonly cookieStart: number;
  readonly cookieEnd: number;
  /** Sec-Fetch-Site. */
  readonly site: string | undefined;
  /** A part of the chunk: who keeps it, keeps that. */
  readonly body: Buffer;
}

/**
 * Where a value of Authorization that begins there ends, if all of its bytes are those of one that was read before, and CR LF is behind
 * it; else −1.
 */
export type EndOfKnown = (chunk: Buffer, start: number) => number;

const noneKnown: EndOfKnown = () => -1;

/** Enough for what browsers and proxies add to a POST; larger heads are rare, and Node's limit is another. */
const HEAD_MAX_BYTES = 4096;

const CR = 0x0d;
const LF = 0x0a;
const TAB = 0x09;
const SPACE = 0x20;
const COLON = 0x3a;
const SLASH = 0x2f;
const QUESTION = 0x3f;

function bytesOf(characters: string): Uint8Array {
  const table = new Uint8Array(256);
  for (const byte of Buffer.from(characters, 'latin1')) table[byte] = 1;
  return table;
}

const LETTERS_DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const isInPath = bytesOf(`${LETTERS_DIGITS}._-/`);
const isInQuery = bytesOf(`${LETTERS_DIGITS}._-=&`);
const isInName = bytesOf(`${LETTERS_DIGITS}-_`);

const VERSION = Buffer.from(' HTTP/1.1\r\n');
const KEEP_ALIVE = 'keep-alive';

/** Fields that Node, `strict.ts`, `body.ts` or a route look at, by the length of their names. */
const fieldsByLength = new Map<number, readonly string[]>();
for (const name of [
  'host',
  'cookie',
  'expect',
  'origin',
  'upgrade',
  'connection',
  'change-seq',
  'change-from',
  'traceparent',
  'authorization',
  'content-length',
  'x-forwarded-for',
  'sec-fetch-site',
  'content-encoding',
  'proxy-connection',
  'transfer-encoding',
]) {
  fieldsByLength.set(name.length, [...(fieldsByLength.get(name.length) ?? []), name]);
}
const knownOfLength = Array.from({ length: 18 }, (_, length) => fieldsByLength.get(length));

/** @param maxBodyBytes A longer body is not for here; nor is an empty one. */
export function readPlainRequest(
  chunk: Buffer,
  maxBodyBytes: number,
  endOfKnown: EndOfKnown = noneKnown,
): PlainRequest | undefined {
  const method = methodOf(chunk);
  if (method === undefined) return undefined;
  const pathStart = method.length + 1;
  if (chunk[pathStart] !== SLASH) return undefined;
  const pathEnd = endOf(isInPath, chunk, pathStart);
  const targetEnd = chunk[pathEnd] === QUESTION ? endOf(isInQuery, chunk, pathEnd + 1) : pathEnd;
  if (!hasAt(VERSION, chunk, targetEnd)) return undefined;

  let at = targetEnd + VERSION.length;
  let hostStart = 0;
  let hostEnd = 0;
  let origin: string | undefined;
  let authorizationStart = 0;
  let authorizationEnd = 0;
  let forwardedStart = 0;
  let forwardedEnd = 0;
  let cookieStart = 0;
  let cookieEnd = 0;
  let site: string | undefined;
  let bodyBytes = 0;
  while (chunk[at] !== CR) {
    const nameEnd = endOf(isInName, chunk, at);
    if (nameEnd === at || chunk[nameEnd] !== COLON) return undefined;
    let start = nameEnd + 1;
    while (chunk[start] === SPACE || chunk[start] === TAB) start++;
    const name = knownName(chunk, at, nameEnd);
    // A token is most of a request, and nearly always one that came before.
    let end = name === 'authorization' ? endOfKnown(chunk, start) : -1;
    if (end < 0) end = endOfValue(chunk, start);
    if (end < 0) return undefined;
    switch (name) {
      case undefined:
        break;
      case 'host':
        if (hostStart > 0) return undefined;
        hostStart = start;
        hostEnd = end;
        break;
      case 'content-length':
        if (bodyBytes > 0) return undefined;
        bodyBytes = decimalOf(chunk, start, end, maxBodyBytes);
        if (bodyBytes === 0) return undefined;
        break;
      case 'connection':
        if (end - start !== KEEP_ALIVE.length || !isCaseless(KEEP_ALIVE, chunk, start)) return undefined;
        break;
      case 'origin':
        if (origin !== undefined || end === start || chunk[end - 1]! <= SPACE) return undefined;
        origin = chunk.toString('latin1', start, end);
        break;
      case 'authorization':
        // A second one is two answers to who it is; who sends none that is empty means something else than who sends none.
        if (authorizationStart > 0 || end === start || chunk[end - 1]! <= SPACE) return undefined;
        authorizationStart = start;
        authorizationEnd = end;
        break;
      case 'x-forwarded-for':
        // Of several, the order is what counts.
        if (forwardedStart > 0) return undefined;
        forwardedStart = start;
        forwardedEnd = end;
        break;
      case 'cookie':
        if (cookieStart > 0 || end === start || chunk[end - 1]! <= SPACE) return undefined;
        cookieStart = start;
        cookieEnd = end;
        break;
      case 'sec-fetch-site':
        if (site !== undefined || end === start || chunk[end - 1]! <= SPACE) return undefined;
        site = siteAt(chunk, start, end);
        break;
      default:
        return undefined;
    }
    at = end + 2;
    if (at > HEAD_MAX_BYTES) return undefined;
  }
  const bodyStart = at + 2;
  if (chunk[at + 1] !== LF || hostStart === 0 || bodyBytes === 0) return undefined;
  if (chunk.length !== bodyStart + bodyBytes) return undefined;
  return {
    method,
    path: chunk.toString('latin1', pathStart, pathEnd),
    query: targetEnd === pathEnd ? '' : chunk.toString('latin1', pathEnd + 1, targetEnd),
    hostStart,
    hostEnd,
    origin,
    authorizationStart,
    authorizationEnd,
    forwardedStart,
    forwardedEnd,
    cookieStart,
    cookieEnd,
    site,
    body: chunk.subarray(bodyStart),
  };
}

/** Nearly all are of this one, which is not made anew for each. */
const SAME_ORIGIN = 'same-origin';

function siteAt(chunk: Buffer, start: number, end: number): string {
  const isSameOrigin = end - start === SAME_ORIGIN.length && hasAt(SAME_ORIGIN_BYTES, chunk, start);
  return isSameOrigin ? SAME_ORIGIN : chunk.toString('latin1', start, end);
}

const SAME_ORIGIN_BYTES = Buffer.from(SAME_ORIGIN);

function methodOf(chunk: Buffer): 'POST' | 'PUT' | undefined {
  if (chunk[0] !== 0x50) return undefined;
  if (chunk[1] === 0x4f && chunk[2] === 0x53 && chunk[3] === 0x54 && chunk[4] === SPACE) return 'POST';
  if (chunk[1] === 0x55 && chunk[2] === 0x54 && chunk[3] === SPACE) return 'PUT';
  return undefined;
}

/** The first place from `start` on whose byte is not in the table; at the latest the end. */
function endOf(table: Uint8Array, chunk: Buffer, start: number): number {
  let at = start;
  while (at < chunk.length && table[chunk[at]!] === 1) at++;
  return at;
}

/** Where CR LF ends a value of visible ASCII, blanks and tabs; −1 when something else is there, or nothing. */
function endOfValue(chunk: Buffer, start: number): number {
  let at = start;
  while (at < chunk.length) {
    const byte = chunk[at]!;
    if (byte < SPACE ? byte !== TAB : byte > 0x7e) return byte === CR && chunk[at + 1] === LF ? at : -1;
    at++;
  }
  return -1;
}

function hasAt(bytes: Buffer, chunk: Buffer, start: number): boolean {
  for (let i = 0; i < bytes.length; i++) if (chunk[start + i] !== bytes[i]) return false;
  return true;
}

function knownName(chunk: Buffer, start: number, end: number): string | undefined {
  const candidates = knownOfLength[end - start];
  if (candidates === undefined) return undefined;
  for (const name of candidates) if (isCaseless(name, chunk, start)) return name;
  return undefined;
}

/** @param text Of lower-case letters and `-`: bit 5 makes a letter of the chunk lower-case and leaves `-`. */
function isCaseless(text: string, chunk: Buffer, start: number): boolean {
  for (let i = 0; i < text.length; i++) if ((chunk[start + i]! | 0x20) !== text.charCodeAt(i)) return false;
  return true;
}

/** 1 to `max` in decimal digits, without more zeros in front than it needs; else 0. */
function decimalOf(chunk: Buffer, start: number, end: number, max: number): number {
  let value = 0;
  for (let at = start; at < end; at++) {
    const digit = chunk[at]! - 0x30;
    if (digit < 0 || digit > 9 || (digit === 0 && at === start)) return 0;
    value = value * 10 + digit;
    if (value > max) return 0;
  }
  return value;
}
