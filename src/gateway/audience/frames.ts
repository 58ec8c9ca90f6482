/**
 * Frames: the text of what streams are to be given, until it is made into bytes.
 *
 * V8 joins what is added to a text when somebody reads it, and takes memory for a large one anew each time: of a change of 256 KiB
 * in JSON that took seven milliseconds, and writing its pieces one by one takes a tenth of one.
 */
import type { Channel } from '../../domain/channel.ts';
import type { Event } from '../../domain/event.ts';
import type { Format } from '../formats/format.ts';
import { PIECE_BYTES } from '../formats/text.ts';

/** Characters. With a piece more it is no large object, also of those that V8 keeps in two bytes. */
const TEXT_MAX_LENGTH = 8 << 10;

export class Frames {
  #text = '';
  /** Those before it, full. */
  #full: string[] | null = null;
  #length = 0;

  /** Characters. */
  get length(): number {
    return this.#length;
  }

  add(text: string): void {
    if (this.#text.length > TEXT_MAX_LENGTH) {
      this.#full ??= [];
      this.#full.push(this.#text);
      this.#text = '';
    }
    this.#text += text;
    this.#length += text.length;
  }

  addEvent(format: Format, event: Event, channel: Channel, cursor: string): void {
    if (event.bytes.length <= PIECE_BYTES) this.add(format.event(event, channel, cursor));
    else for (const piece of format.pieces(event, channel, cursor)) this.add(piece);
  }

  addAll(frames: Frames): void {
    if (frames.#full) for (const text of frames.#full) this.add(text);
    this.add(frames.#text);
  }

  /** As UTF-8. */
  toBytes(): Buffer {
    if (this.#full === null) return Buffer.from(this.#text);
    const texts = [...this.#full, this.#text];
    const bytes = Buffer.allocUnsafeSlow(texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0));
    let at = 0;
    for (const text of texts) at += bytes.write(text, at);
    return bytes;
  }
}
