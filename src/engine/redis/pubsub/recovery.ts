/**
 * Who of a group that was lost may hear again. First nobody; once its names are live, whoever was told that something was missed:
 * what is published before that may follow on a log that has been rewritten.
 */
export class Recovery<Listener> {
  /** Null until its names are live. */
  #untold: Set<Listener> | null = null;

  isDeaf(listener: Listener): boolean {
    return this.#untold === null || this.#untold.has(listener);
  }

  /** Its names are not live, or not any more. */
  begin(): void {
    this.#untold = null;
  }

  /** They are, and these are to be told. @returns Each of them; from then on it hears. */
  *live(listeners: Iterable<Listener>): Generator<Listener> {
    const untold = new Set(listeners);
    this.#untold = untold;
    for (const listener of untold) {
      untold.delete(listener);
      yield listener;
    }
  }

  /** It need not be told any more. */
  left(listener: Listener): void {
    this.#untold?.delete(listener);
  }
}
