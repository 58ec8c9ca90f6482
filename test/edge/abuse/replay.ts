/** The corpus, sent again and again at a steady rate, each request with a channel of its own; at the end all are looked at. */

import type { Page } from '../../contract/protocol/kit.ts';
import { request } from '../../support/http.ts';
import { waitFor } from '../../support/wait.ts';
import { corpus, type Target } from '../corpus.ts';
import { type Exchange, exchange, faultOf, honest } from '../exchange.ts';
import type { Attack } from './attack.ts';

export interface ReplayOptions {
  readonly target: Target;
  readonly url: string;
  /** Asked what was merged, past the edge. */
  readonly serverUrl: string;
  readonly sources: readonly string[];
  readonly perS: number;
}

interface Struck {
  readonly index: number;
  readonly channel: string;
  readonly exchanged: Promise<Exchange>;
}

const MERGED_MS = 10_000;

export class Replay implements Attack {
  readonly #options: ReplayOptions;
  readonly #struck: Struck[] = [];
  readonly #timer: NodeJS.Timeout;
  #answered = 0;

  constructor(options: ReplayOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#strike(), 1000 / options.perS);
  }

  get figures() {
    return { sent: this.#struck.length, over: this.#answered };
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #strike(): void {
    const { url, sources } = this.#options;
    const turn = this.#struck.length;
    const index = turn % corpus.length;
    // Of this process: who replays it again has other channels.
    const channel = `replay-${process.pid}-${turn}`;
    const localAddress = sources[turn % sources.length]!;
    const exchanged = exchange(url, corpus[index]!.bytes(channel) + honest(channel), localAddress);
    void exchanged.then(() => this.#answered++);
    this.#struck.push({ index, channel, exchanged });
  }

  async faults(): Promise<readonly string[]> {
    const faults: string[] = [];
    for (const { index, channel, exchanged } of this.#struck) {
      const attack = corpus[index]!;
      const fault = faultOf(attack, this.#options.target, await exchanged, await this.#merged(channel));
      if (fault !== null) faults.push(`${attack.name}: ${fault}`);
    }
    return faults;
  }

  /** Of this channel, before a change that says that it is the last. */
  async #merged(channel: string): Promise<readonly string[]> {
    const { serverUrl } = this.#options;
    await request(serverUrl, `/c/${channel}`, { method: 'POST', body: 'end' });
    const texts = await waitFor(
      async () => {
        const page = (await request(serverUrl, `/c/${channel}/history`)).json<Page>();
        const all = page.events.map(({ data, b64 }) => data ?? b64!);
        return all.at(-1) === 'end' ? all : undefined;
      },
      { what: `the last change of ${channel}`, timeoutMs: MERGED_MS },
    );
    return texts.slice(0, -1);
  }
}
