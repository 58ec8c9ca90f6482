/**
 * One playing of a case: what its server was asked, and what its client told. What P4, P6 and P41 say of every publisher is
 * checked at every POST, whatever the case is about.
 */
import type { Case, Content, Counts } from './case.ts';

export interface Exchange {
  readonly kind: 'stream' | 'post';
  readonly atMs: number;
  /** When the last byte was written, or the connection closed without one. */
  lastMs?: number;
  /** As it was asked for: 'demo' or 'a,b'. */
  readonly channels: string;
  readonly cursor: string | null;
  readonly token: string | undefined;
  readonly changes: readonly { readonly seq: number; readonly bytes: Buffer }[];
}

export interface Told {
  readonly told: 'event' | 'reset' | 'published' | 'refused' | (string & {});
  readonly channel?: string;
  readonly data?: string;
  readonly b64?: string;
  readonly lost?: number | null;
  readonly state?: Readonly<Record<string, string>>;
  readonly n?: number;
  readonly code?: string;
}

export class Stage {
  readonly played: Case;
  /** The first stream is cut after so many bytes. */
  readonly cutAfter: number | undefined;
  wasCut = false;
  readonly exchanges: Exchange[] = [];
  readonly heard: Told[] = [];
  readonly results: Told[] = [];
  readonly published: Content[] = [];
  /** What no client may ever do. */
  readonly faults: string[] = [];
  readonly #open = new Set<string>();
  readonly #bodies = new Map<string, Buffer>();
  readonly #from = new Map<string, string>();
  readonly #last = new Map<string, number>();

  constructor(played: Case, cutAfter?: number) {
    this.played = played;
    this.cutAfter = cutAfter;
  }

  of(kind: Exchange['kind']): Exchange[] {
    return this.exchanges.filter((each) => each.kind === kind);
  }

  has({ streams = 0, posts = 0, heard = 0 }: Counts): boolean {
    return this.of('stream').length >= streams && this.of('post').length >= posts && this.heard.length >= heard;
  }

  told(line: Told): void {
    (line.told === 'event' || line.told === 'reset' ? this.heard : this.results).push(line);
  }

  /** @returns Called when it was answered, or its connection is gone. */
  posting(channel: string, from: string, changes: Exchange['changes']): () => void {
    if (!/^[\w-]{1,40}\.[\w-]{16,40}$/.test(from)) this.faults.push(`from is ${from}`);
    if (this.#open.has(channel)) this.faults.push(`two unanswered POSTs to ${channel} (P6)`);
    if ((this.#from.get(channel) ?? from) !== from) this.faults.push(`another from in the middle (P6)`);
    this.#from.set(channel, from);
    for (const { seq, bytes } of changes) {
      const key = `${channel} ${seq}`;
      const last = this.#last.get(channel) ?? 0;
      if (this.#bodies.get(key)?.equals(bytes) === false) this.faults.push(`seq ${seq} with other bytes (P6)`);
      if (!Number.isSafeInteger(seq) || seq < 1) this.faults.push(`seq is ${seq}`);
      if (seq > last + 1) this.faults.push(`seq ${seq} after ${last}: nobody asked to skip`);
      this.#bodies.set(key, bytes);
      this.#last.set(channel, Math.max(last, seq));
    }
    this.#open.add(channel);
    return () => this.#open.delete(channel);
  }
}
