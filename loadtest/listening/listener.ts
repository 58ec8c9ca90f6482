/**
 * What streams are told, entered in the ledger: events, the `$sync` a stream begins with, and that it is sent away.
 *
 * Invariant: nothing is entered before the first `$sync` (P11); what comes before it is an offence of its own.
 */

import type { Ledger } from '../ledger/ledger.ts';
import { hashOfBytes } from '../measures/random.ts';
import { base36, offsetFrom } from './cursor.ts';
import type { Frame, FrameSink, Head } from './parser.ts';
import { IS_ANNOUNCED, IS_OPEN, IS_OVER, type RowStates } from './row-states.ts';

/** Who holds the sockets. */
export interface Holder {
  opened(row: number): void;
  /** When the connection that is about to be open was begun. */
  openingSinceMs(row: number): number;
  /** Why the stream is about to end. */
  because(row: number, why: string): void;
  drop(row: number, why: string): void;
}

interface ChannelSync {
  readonly status: string;
  readonly head: number;
  readonly oldest: number;
  readonly lost?: number | null;
}

export class Listener implements FrameSink {
  readonly #ledger: Ledger;
  readonly #states: RowStates;
  readonly #holder: Holder;

  constructor(ledger: Ledger, states: RowStates, holder: Holder) {
    this.#ledger = ledger;
    this.#states = states;
    this.#holder = holder;
  }

  head(row: number, { status, contentType, retryAfter }: Head): boolean {
    if (status === 200 && /^text\/event-stream\b/i.test(contentType)) return true;
    if (retryAfter !== null && Number(retryAfter) > 0) this.#states.retryMs[row] = Number(retryAfter) * 1000;
    this.#holder.drop(row, `answered ${status} ${contentType}`);
    return false;
  }

  frame(row: number, frame: Frame): void {
    if (frame.retryMs > 0) this.#states.retryMs[row] = frame.retryMs;
    if (frame.event === '') this.#event(row, frame);
    else if (frame.event === '$sync') this.#sync(row, frame);
    else if (frame.event === '$bye' || frame.event === '$overloaded') {
      this.#states.set(row, IS_ANNOUNCED);
      this.#holder.because(row, `sent away with ${frame.event}`);
    } else if (frame.event === '$binary') this.#ledger.malformed(row, '$binary for what was clean text');
  }

  heartbeat(_row: number): void {
    this.#ledger.counts.heartbeats++;
  }

  malformed(row: number, why: string): void {
    this.#ledger.malformed(row, why);
    this.#holder.drop(row, why);
  }

  over(row: number): void {
    this.#holder.drop(row, 'the server ended the stream');
  }

  #event(row: number, { bytes, idFrom, idTo, dataFrom, dataTo }: Frame): void {
    if (!this.#states.is(row, IS_OPEN)) {
      if (this.#states.is(row, IS_OVER)) return;
      this.#states.set(row, IS_OVER);
      this.#ledger.malformed(row, 'an event before the first $sync (P11)');
      return;
    }
    const digits = offsetFrom(bytes, idFrom, idTo);
    const offset = digits === 0 ? -1 : base36(bytes, digits, idTo);
    if (offset < 0) {
      this.#ledger.malformed(row, `an id without an offset: ${bytes.toString('latin1', idFrom, idTo)}`);
      return;
    }
    const prefix = bytes.toString('latin1', idFrom, digits);
    if (!this.#ledger.rooms.isWitness(row)) {
      this.#ledger.plain(row, prefix, offset, hashOfBytes(bytes, dataFrom, dataTo));
      return;
    }
    const text = bytes.toString('utf8', dataFrom, dataTo);
    const event = parseJson(text);
    if (event === null) this.#ledger.malformed(row, `an envelope that is not JSON: ${text.slice(0, 100)}`);
    else this.#ledger.witnessed(row, prefix, offset, event);
  }

  #sync(row: number, { bytes, idFrom, idTo, dataFrom, dataTo }: Frame): void {
    const { positions, rooms } = this.#ledger;
    const data = parseJson(bytes.toString('utf8', dataFrom, dataTo)) as {
      channels?: Record<string, ChannelSync>;
    } | null;
    const channel = data?.channels?.[rooms.ofRow(row).name];
    if (channel === undefined) {
      this.#ledger.malformed(row, 'a $sync that does not tell of the channel');
      return;
    }
    const { status, head, oldest, lost } = channel;
    if (status === 'fresh') {
      // Its first change is accepted and not yet merged: what its first offset will be is not known before.
      if (oldest > head) {
        this.#states.set(row, IS_OVER);
        this.#holder.drop(row, 'the channel has no event yet');
        return;
      }
      const digits = offsetFrom(bytes, idFrom, idTo);
      if (digits === 0 || base36(bytes, digits, idTo) !== head) {
        this.#ledger.malformed(row, `head ${head}, but the cursor is ${bytes.toString('latin1', idFrom, idTo)}`);
      }
      positions.begin(row, bytes.toString('latin1', idFrom, digits), head);
    } else if (status === 'resumed') {
      this.#ledger.resumed(row, head, this.#holder.openingSinceMs(row));
    } else if (status === 'reset') {
      positions.reset(row, head, `the server cannot go on where the stream was; lost: ${lost ?? 'unknown'}`);
    }
    if (!this.#states.is(row, IS_OPEN)) this.#holder.opened(row);
  }
}

function parseJson(text: string): Record<string, never> | null {
  try {
    return JSON.parse(text) as Record<string, never>;
  } catch {
    return null;
  }
}
