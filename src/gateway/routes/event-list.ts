/**
 * The events of one answer in JSON: of a poll, or of a page of history. At most so many, and about so many bytes as they are
 * sent, where a control character is six times as long; of what does not fit the client asks with the cursor that it is given.
 *
 * Made in slices: whoever adds to it lets others have their turn of the event loop when one is full.
 */
import type { Turns } from '../turns.ts';
import type { JsonAnswers } from './json-answers.ts';
import { SLICE_BYTES } from './slice-pool.ts';
import { joinedIfSmall, type Slices } from './slices.ts';

/** Events in one answer (P18, P25). */
export const ANSWER_MAX_EVENTS = 500;

export class EventList {
  readonly #turns: Turns;
  readonly #answers: Pick<JsonAnswers, 'maxBytes' | 'pool'>;
  readonly #slices: Buffer[] = [];
  #text = '';
  #textBytes = 0;
  #count = 0;
  #bytes = 0;

  constructor(turns: Turns, answers: Pick<JsonAnswers, 'maxBytes' | 'pool'>) {
    this.#turns = turns;
    this.#answers = answers;
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get maxBytes(): number {
    return this.#answers.maxBytes;
  }

  get isFull(): boolean {
    return this.#count >= ANSWER_MAX_EVENTS || this.#bytes >= this.maxBytes;
  }

  /** Waits for the next turn whenever a slice is full: a millisecond of work. @param json One event, in pieces. @returns What it weighs, bytes. */
  async add(json: Iterable<string>): Promise<number> {
    const before = this.#bytes;
    // Commas between events are put where one follows.
    if (this.#count++ > 0) this.#append(',');
    for (const piece of json) {
      // A character may take three of them.
      const bytes = Buffer.byteLength(piece);
      if (this.#textBytes > 0 && this.#textBytes + bytes > SLICE_BYTES) {
        this.#cut();
        await this.#turns.next();
      }
      this.#append(piece, bytes);
    }
    return this.#bytes - before;
  }

  /** The whole answer. @param head What comes before the events. @param more Whether there are others to ask for. */
  toBody(head: Readonly<Record<string, unknown>>, more: boolean): Slices {
    const before = Buffer.from(`${JSON.stringify(head).slice(0, -1)},"events":[`);
    this.#append(`],"more":${more}}`);
    this.#cut();
    return joinedIfSmall([before, ...this.#slices]);
  }

  /** @param bytes As UTF-8. As many as characters, where it is left out. */
  #append(piece: string, bytes = piece.length): void {
    this.#text += piece;
    this.#textBytes += bytes;
    this.#bytes += bytes;
  }

  #cut(): void {
    this.#slices.push(this.#answers.pool.sliceOf(this.#text, this.#textBytes));
    this.#text = '';
    this.#textBytes = 0;
  }
}
