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
/** What is made in one turn: a millisecond of work, and a single large event more. */
const SLICE_BYTES = 64 << 10;

export class EventList {
  readonly #turns: Turns;
  readonly #answers: Pick<JsonAnswers, 'maxBytes'>;
  readonly #slices: Buffer[] = [];
  /** Commas between them are put where an event follows. */
  #text = '';
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

  /** @param json One event. @returns What it weighs, bytes. */
  add(json: string): number {
    const bytes = Buffer.byteLength(json);
    this.#text += this.#count === 0 ? json : `,${json}`;
    this.#count++;
    this.#bytes += bytes;
    return bytes;
  }

  /** Waits for the next turn when a slice is full. */
  async breathe(): Promise<void> {
    if (this.#text.length < SLICE_BYTES) return;
    this.#cut();
    await this.#turns.next();
  }

  /** The whole answer. @param head What comes before the events. @param more Whether there are others to ask for. */
  toBody(head: Readonly<Record<string, unknown>>, more: boolean): Buffer {
    const before = Buffer.from(`${JSON.stringify(head).slice(0, -1)},"events":[`);
    this.#text += `],"more":${more}}`;
    this.#cut();
    return Buffer.concat([before, ...this.#slices]);
  }

  #cut(): void {
    this.#slices.push(Buffer.from(this.#text));
    this.#text = '';
  }
}
