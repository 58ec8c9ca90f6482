/** Patience: waiting for something that is tried again and again, until a try fails. */
export class Patience {
  readonly #waiting = new Set<(error: unknown) => void>();

  /** Resolves with it, or rejects at the first `end`. */
  until(done: Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject);
      void done.then(() => {
        this.#waiting.delete(reject);
        resolve();
      });
    });
  }

  end(error: unknown): void {
    for (const reject of this.#waiting) reject(error);
    this.#waiting.clear();
  }
}
