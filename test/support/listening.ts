/** A stream that is read all the while, for tests of what it is told and when it ends. */
import assert from 'node:assert/strict';
import { waitFor } from './wait.ts';

export class Listening {
  text = '';
  isOver = false;
  readonly #leaving = new AbortController();

  /** Resolves when its first frame is there. */
  static async open(url: string, headers: Record<string, string> = {}): Promise<Listening> {
    const listening = new Listening();
    const answer = await fetch(url, { headers, signal: listening.#leaving.signal });
    assert.equal(answer.status, 200, url);
    void listening.#read(answer);
    await waitFor(() => listening.text.includes('event: '), { what: 'the first frame' });
    return listening;
  }

  async #read(answer: Response): Promise<void> {
    try {
      for await (const chunk of answer.body!) this.text += Buffer.from(chunk).toString();
    } catch {
      // It is left.
    }
    this.isOver = true;
  }

  async told(status: string): Promise<void> {
    await waitFor(() => this.text.includes(`"status":"${status}"`), { what: () => `${status} in ${this.text}` });
  }

  async over(): Promise<void> {
    await waitFor(() => this.isOver, { what: () => `the end of ${this.text}` });
  }

  leave(): void {
    this.#leaving.abort();
  }
}
