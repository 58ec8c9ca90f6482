/** A channel of the fake server: the merge (P7, P8), its log, its state, and where a cursor is in it (P12, P13). */
import { fromBase64, tagOf } from '../client/bytes.ts';
import { nameOf } from '../domain/change.ts';
import { hashOf } from '../domain/channel.ts';
import { EPOCHS, epochOf } from '../domain/position.ts';
import type { StateField } from '../domain/state.ts';
import type { Reducer } from '../merger/reducers/reducer.ts';

/** An event as it is sent: the shape of P16, with all fields. */
export interface Logged {
  readonly id: string;
  readonly from?: string;
  readonly seq?: number;
  readonly at: number;
  readonly data?: string;
  readonly b64?: string;
}

export interface Place {
  readonly status: 'fresh' | 'resumed' | 'reset';
  /** Events that come after it begin here. */
  readonly offset: number;
}

export interface Submitted {
  readonly from: string;
  readonly seq: number;
  readonly bytes: Uint8Array;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** P17: as text where it is clean text, else base64. */
export function contentOf(bytes: Uint8Array): { readonly data: string } | { readonly b64: string } {
  try {
    const data = decoder.decode(bytes);
    if (!/^\uFEFF|[\0\r]/.test(data)) return { data };
  } catch {
    // Not UTF-8.
  }
  return { b64: btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')) };
}

export class Log {
  readonly name: string;
  events: Logged[] = [];
  readonly #reducer: Reducer;
  #state = new Map<string, StateField>();
  #seqs = new Map<string, number>();
  #lives = 0;

  constructor(name: string, reducer: Reducer) {
    this.name = name;
    this.#reducer = reducer;
  }

  get head(): number {
    return this.events.length;
  }

  cursor(offset: number = this.head): string {
    return `${epochOf((hashOf(this.name) + this.#lives) % EPOCHS)}.${offset.toString(36)}`;
  }

  /** @returns Whether something came of it: a repeat is dropped. */
  async merge({ from, seq, bytes }: Submitted, at: number): Promise<boolean> {
    const tag = from && (await tagOf(from));
    if (seq > 0 && seq <= (this.#seqs.get(from) ?? 0)) return false;
    if (seq > 0) this.#seqs.set(from, seq);
    const verdict = this.#reducer.reduce(this.#state, { channel: this.name, from, seq, acceptedMs: at, bytes });
    if (verdict.kind !== 'event') return false;
    const offset = this.head + 1;
    const body = { from, seq, atMs: at, bytes: verdict.bytes };
    for (const { field, bytes } of this.#reducer.apply(this.#state, body)) this.#state.set(field, { offset, bytes });
    const shown = from && { from: `${nameOf(from)}~${tag}`, ...(seq > 0 && { seq }) };
    this.events.push({ id: this.cursor(offset), ...(shown || {}), at, ...contentOf(verdict.bytes) });
    return true;
  }

  /** Everything is gone, and what comes next is of another epoch. */
  forget(): void {
    this.#lives++;
    this.events = [];
    this.#state = new Map();
    this.#seqs = new Map();
  }

  /** P24, P30: of a log nothing. */
  state(offset: number = this.head): object {
    const state: Record<string, string> = {};
    const b64: Record<string, string> = {};
    for (const [field, { bytes }] of this.#state) {
      if (bytes === null) continue;
      const content = contentOf(bytes);
      if ('data' in content) state[field] = content.data;
      else b64[field] = content.b64;
    }
    return { cursor: this.cursor(offset), state, b64 };
  }

  get hasState(): boolean {
    return this.#reducer.name !== 'log';
  }

  /** Where a cursor of this channel is, undefined for one that is of another. */
  place(cursor: string): Place | undefined {
    const [prefix, number = ''] = cursor.split('.');
    if (prefix !== this.cursor().split('.')[0]) return undefined;
    const offset = Number.parseInt(number, 36);
    return offset <= this.head ? { status: 'resumed', offset } : undefined;
  }
}

/** What a test sees of it. */
export const textOf = ({
  data,
  b64 = '',
}: {
  readonly data?: string | undefined;
  readonly b64?: string | undefined;
}): string | Uint8Array => data ?? fromBase64(b64);

/** What a test publishes. */
export const bytesFrom = (data: string | Uint8Array): Uint8Array =>
  typeof data === 'string' ? encoder.encode(data) : data;

/** P13, P40, but for durations. */
export function placesOf(since: string, logs: readonly Log[]): Place[] {
  const parts = since.split('~');
  const cursors = parts.filter((each) => each.includes('.'));
  const isEarliest = parts.includes('earliest');
  const isStrange = cursors.some((each) => !logs.some((log) => log.place(each)));
  return logs.map((log) => {
    const own = cursors.flatMap((each) => log.place(each) ?? [])[0];
    if (own) return own;
    if (isStrange) return { status: 'reset', offset: log.hasState ? log.head : 0 };
    return isEarliest ? { status: 'resumed', offset: 0 } : { status: 'fresh', offset: log.head };
  });
}
