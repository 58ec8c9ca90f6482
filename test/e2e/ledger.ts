/**
 * The ledger of one observer: what it has seen of each (from, channel). Seqs have to come as they were counted, 1, 2, 3 …,
 * so anything lost, repeated or out of order is found at the very event.
 */
import type { Envelope } from '../contract/protocol/kit.ts';

export class Ledger {
  readonly #name: string;
  readonly #lastSeq = new Map<string, number>();
  /** Per channel, what was seen in which order: the same for all observers. */
  readonly order = new Map<string, string[]>();
  count = 0;

  constructor(name: string) {
    this.#name = name;
  }

  /** @throws when it is not the next of its publisher, or not what that publisher sent under its seq. */
  take({ channel, from, seq, data }: Envelope): void {
    const lane = `${from} ${channel}`;
    const last = this.#lastSeq.get(lane) ?? 0;
    if (seq !== last + 1) throw new Error(`${this.#name}: ${lane} has ${seq} after ${last}`);
    if (data !== bodyOf(seq)) throw new Error(`${this.#name}: ${lane} has ${data} under seq ${seq}`);
    this.#lastSeq.set(lane, seq);
    const order = this.order.get(channel!) ?? [];
    this.order.set(channel!, order);
    order.push(`${from} ${seq}`);
    this.count++;
  }
}

/** What publishers send under a seq: bound to it, so that one seq with the bytes of another is found. */
export function bodyOf(seq: number): string {
  return (seq * 7919).toString(36);
}
