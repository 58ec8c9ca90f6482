/** How often some bytes have come by, wherever the chunks they come in are cut. */

export class MarkCounter {
  readonly #mark: Buffer;
  #rest: Buffer = Buffer.alloc(0);
  count = 0;

  constructor(mark: string) {
    this.#mark = Buffer.from(mark);
  }

  push(chunk: Buffer): void {
    // The last mark may have begun in what came before.
    const seam = Buffer.concat([this.#rest, chunk.subarray(0, this.#mark.length - 1)]);
    this.#add(seam);
    this.#add(chunk);
    const kept = this.#mark.length - 1;
    this.#rest = chunk.length >= kept ? chunk.subarray(-kept) : Buffer.concat([this.#rest, chunk]).subarray(-kept);
  }

  #add(bytes: Buffer): void {
    for (let at = bytes.indexOf(this.#mark); at !== -1; at = bytes.indexOf(this.#mark, at + 1)) this.count++;
  }
}
