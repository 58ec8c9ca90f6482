/**
 * The answers on a connection, counted by status as their bytes come by: an attacker gets far more of them than a client
 * library would take.
 */
const HEAD_END = Buffer.from('\r\n\r\n');
/** A head of ours has a few hundred bytes. */
const HEAD_MAX_BYTES = 16 * 1024;

export interface AnswerHead {
  readonly status: number;
  /** The head as text, for who looks for a field. */
  readonly text: string;
}

export class AnswerReader {
  readonly #onAnswer: (head: AnswerHead) => void;
  #head: Buffer = Buffer.alloc(0);
  /** Of the body that is being passed over; Infinity for one that ends with its connection. */
  #bodyLeft = 0;
  bytes = 0;

  /** @param onAnswer Told of an answer when its head has come. */
  constructor(onAnswer: (head: AnswerHead) => void) {
    this.#onAnswer = onAnswer;
  }

  push(chunk: Buffer): void {
    this.bytes += chunk.length;
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#bodyLeft > 0) {
        const passed = Math.min(this.#bodyLeft, rest.length);
        this.#bodyLeft -= passed;
        rest = rest.subarray(passed);
        continue;
      }
      const whole = this.#head.length === 0 ? rest : Buffer.concat([this.#head, rest]);
      const end = whole.indexOf(HEAD_END);
      if (end === -1) {
        if (whole.length > HEAD_MAX_BYTES) throw new Error(`no head of an answer: ${whole.toString('latin1', 0, 100)}`);
        this.#head = whole;
        return;
      }
      this.#head = Buffer.alloc(0);
      rest = whole.subarray(end + HEAD_END.length);
      this.#took(whole.toString('latin1', 0, end));
    }
  }

  #took(text: string): void {
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1]);
    if (Number.isNaN(status)) throw new Error(`not an answer: ${text.slice(0, 100)}`);
    const length = /^content-length: *(\d+)$/im.exec(text)?.[1];
    this.#bodyLeft = status === 204 ? 0 : length === undefined ? Number.POSITIVE_INFINITY : Number(length);
    this.#onAnswer({ status, text });
  }
}

/** How many answers there were of each status. */
export class Tally {
  readonly #counts = new Map<number, number>();

  add(status: number): void {
    this.#counts.set(status, (this.#counts.get(status) ?? 0) + 1);
  }

  of(status: number): number {
    return this.#counts.get(status) ?? 0;
  }

  get total(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Those that are not among `allowed`, as a fault. */
  faults(what: string, ...allowed: readonly number[]): string[] {
    return [...this.#counts]
      .filter(([status]) => !allowed.includes(status))
      .map(([status, count]) => `${count} × ${status} to ${what}`);
  }

  toString(): string {
    const parts = [...this.#counts].sort().map(([status, count]) => `${count} × ${status}`);
    return parts.join(', ') || 'nothing';
  }
}
