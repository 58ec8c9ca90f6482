/** One tab of a user, over all its lives: what its app has kept, what it has to publish, and what is done to it. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { PageListener } from '../../../src/client/page.ts';
import type { Begin, FromPage, ToPage } from './messages.ts';
import type { Profile } from './profile.ts';

export interface TabOptions extends Omit<Begin, 'kept' | 'live'> {
  /** The program of a page. */
  readonly program: string;
  readonly profile: Profile;
  readonly kept: readonly string[];
  readonly live: readonly string[];
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class Tab {
  readonly options: TabOptions;
  /** By channel, what came to its callback. Of those that are only looked at, a list for each life. */
  readonly kept: ReadonlyMap<string, number[]>;
  readonly live: ReadonlyMap<string, number[][]>;
  readonly faults: string[] = [];
  lives = 0;
  heard = 0;
  /** Whether the app in it can do something. */
  isAwake = false;
  readonly #cursors: Record<string, string>;
  /** Published, and as far as its app can know after a reload, not written down. */
  readonly #unwritten = new Map<number, string>();
  #child: ChildProcess | undefined;
  #done = () => {};

  constructor(options: TabOptions) {
    this.options = options;
    this.kept = new Map(options.kept.map((channel) => [channel, []]));
    this.live = new Map(options.live.map((channel) => [channel, []]));
    this.#cursors = Object.fromEntries(options.kept.map((channel) => [channel, 'earliest']));
  }

  get unwritten(): number {
    return this.#unwritten.size;
  }

  publish(channel: string, number: number): void {
    this.#unwritten.set(number, channel);
    this.#send({ t: 'publish', channel, number });
  }

  begin(): void {
    const { program, profile, url, name, transports, share } = this.options;
    const begin: Begin = { url, name, transports, share, kept: this.#cursors, live: this.options.live };
    const child = fork(program, [JSON.stringify(begin)], {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      execArgv: [],
    });
    running.add(child);
    this.#child = child;
    this.lives++;
    for (const lists of this.live.values()) lists.push([]);
    const seat = profile.join({
      send: (message) => child.connected && child.send(message, () => undefined),
      wrote: (number) => this.#unwritten.delete(number),
    });
    child.on('message', (message: FromPage) => {
      this.#hears(message);
      seat.take(message);
    });
    let said = '';
    child.stderr!.on('data', (chunk) => {
      said += chunk;
    });
    child.once('exit', (code) => {
      running.delete(child);
      if (code !== null && code !== 0) this.faults.push(`its page ended with ${code}: ${said}`);
    });
    // After it nothing more comes of what it said.
    child.once('disconnect', () => seat.leave());
    for (const [number, channel] of this.#unwritten) this.#send({ t: 'publish', channel, number });
    child.once('message', () => {
      this.isAwake = this.#child === child;
    });
  }

  /** Resolves when the page has done what belongs to it. */
  async tell(what: keyof PageListener): Promise<void> {
    const done = new Promise<void>((resolve) => {
      this.#done = resolve;
    });
    this.#send({ t: 'page', what });
    await done;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** Resolves when it has ended, and all that it said before is known. */
  async kill(): Promise<void> {
    this.isAwake = false;
    const child = this.#child;
    if (!child) return;
    this.#child = undefined;
    const ended = Promise.all([once(child, 'exit'), child.connected && once(child, 'disconnect')]);
    child.kill('SIGKILL');
    await ended;
  }

  #send(message: ToPage): void {
    if (this.#child?.connected) this.#child.send(message, () => undefined);
  }

  #hears(message: FromPage): void {
    if (message.t === 'done') this.#done();
    if (message.t === 'fault') this.faults.push(message.what);
    if (message.t !== 'heard') return;
    this.heard += message.events.length;
    for (const [channel, number, cursor] of message.events) {
      const kept = this.kept.get(channel);
      (kept ?? this.live.get(channel)!.at(-1)!).push(number);
      if (kept) this.#cursors[channel] = cursor;
    }
  }
}
