/**
 * The events of one answer in JSON: of a poll, or of a page of history. At most so many, and about so many bytes as they are
 * sent, where a control character is six times as long; of what does not fit the client asks with the cursor that it is given.
 *
 * Made in slices: whoever adds to it lets others have their turn of the event loop when one is full.
 */
import type { Turns } from '../turns.ts';
import type { JsonAnswers } from './json-answers.ts';

/** Events in one answer (P18, P25). */
export const ANSWER_MAX_EVENTS = 500;
/** What is made in one turn: a millisecond of work, and a piece of an event more. */
const SLICE_BYTES = 64 << 10;

export class EventList {
  readonly #turns: Turns;
  readonly #answers: Pick<JsonAnswers, 'maxBytes'>;
  readonly #slices: Buffer[] = [];
  #text = '';
  #textBytes = 0;
  #count = 0;
  #bytes = 0;

  constructor(turns: Turns, answers: Pick<JsonAnswers, 'maxBytes'>) {
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

  /** Waits for the next turn whenever a slice is full. @param json One event, in pieces. @returns What it weighs, bytes. */
  async add(json: Iterable<string>): Promise<number> {
    const before = this.#bytes;
    // Commas between events are put where one follows.
    if (this.#count++ > 0) this.#append(',');
    for (const piece of json) {
      this.#append(piece);
      if (this.#text.length < SLICE_BYTES) continue;
      this.#cut();
      await this.#turns.next();
    }
    return this.#bytes - before;
  }

  /** The whole answer. @param head What comes before the events. @param more Whether there are others to ask for. */
  toBody(head: Readonly<Record<string, unknown>>, more: boolean): Buffer {
    const before = Buffer.from(`${JSON.stringify(head).slice(0, -1)},"events":[`);
    this.#append(`],"more":${more}}`);
    this.#cut();
    return Buffer.concat([before, ...this.#slices]);
  }

  #append(piece: string): void {
    const bytes = Buffer.byteLength(piece);
    this.#text += piece;
    this.#textBytes += bytes;
    this.#bytes += bytes;
  }

  #cut(): void {
    // As many bytes as characters: it is ASCII, which is copied some times faster than encoded.
    const encoding = this.#textBytes === this.#text.length ? 'latin1' : 'utf8';
    this.#slices.push(Buffer.from(this.#text, encoding));
    this.#text = '';
    this.#textBytes = 0;
  }
}
