/**
 * A client without a network, a browser or time: a clock that a test moves, a server that answers what a test says, a page, locks and a
 * storage that a test kills. Nothing here waits for real time to pass.
 */
import assert from 'node:assert/strict';
import type { ClientClock } from '../../src/client/clock.ts';
import { createConnection } from '../../src/client/connection.ts';
import type { ChannelEvent, Connection, Dropped, Status } from '../../src/client/contract.ts';
import type { Locks } from '../../src/client/locks.ts';
import { more } from '../../src/client/more.ts';
import type { ConnectOptions } from '../../src/client/options.ts';
import type { Page, PageListener } from '../../src/client/page.ts';
import type { Part } from '../../src/client/part.ts';
import type { Broadcast } from '../../src/client/share.ts';
import type { OutboxStorage, StoredChange } from '../../src/client/storage.ts';
import { waitFor } from '../support/wait.ts';
import { hashesDone } from './hashes.ts';
import './unhandled.ts';

/** Promises and streams of Node come to rest within so many turns of its event loop. */
const TURNS = 8;

export async function settled(): Promise<void> {
  do {
    for (let i = 0; i < TURNS; i++) await new Promise((resolve) => setImmediate(resolve));
  } while (await hashesDone());
}

export class FakeClock implements ClientClock {
  #nowMs = 1_000_000;
  #jumpMs = 0;
  readonly timers = new Set<{ readonly dueMs: number; readonly run: () => void }>();

  elapsedMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return 1_700_000_000_000 + this.#nowMs + this.#jumpMs;
  }

  /** Of the wall clock only. */
  jump(ms: number): void {
    this.#jumpMs += ms;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { dueMs: this.#nowMs + ms, run };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  }

  /** Runs what comes due, each at its time. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await settled();
    for (;;) {
      const next = [...this.timers].sort((a, b) => a.dueMs - b.dueMs)[0];
      if (!next || next.dueMs > untilMs) break;
      this.timers.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.run();
      await settled();
    }
    this.#nowMs = untilMs;
  }

  /** Time goes by and nothing runs: a page that is frozen. */
  freeze(ms: number): void {
    this.#nowMs += ms;
  }
}

export class FakeRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly init: RequestInit;
  readonly body: string;
  isOver = false;
  readonly answered: Promise<Response>;
  #answer!: (response: Response) => void;
  #fail!: (error: Error) => void;
  #stream: ReadableStreamDefaultController<Uint8Array> | undefined;
  /** How often its reader wanted more. */
  pulls = 0;

  constructor(url: string, init: RequestInit) {
    this.url = new URL(url);
    this.init = init;
    this.method = init.method ?? 'GET';
    this.headers = new Headers(init.headers);
    this.body = init.body instanceof Uint8Array ? Buffer.from(init.body).toString() : '';
    this.answered = new Promise((resolve, reject) => {
      this.#answer = resolve;
      this.#fail = reject;
    });
    init.signal?.addEventListener('abort', () => this.cut());
  }

  get query(): Record<string, string> {
    return Object.fromEntries(this.url.searchParams);
  }

  answer(status: number, body: string | object | null = null, headers: Record<string, string> = {}): void {
    this.isOver = true;
    const isJson = typeof body === 'object' && body !== null;
    const type: Record<string, string> = isJson
      ? { 'content-type': status === 200 ? 'application/json' : 'application/problem+json' }
      : {};
    this.#answer(new Response(isJson ? JSON.stringify(body) : body, { status, headers: { ...type, ...headers } }));
  }

  /** Begins a stream. */
  stream(text = ''): void {
    const body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#stream = controller;
        },
        pull: () => {
          this.pulls++;
        },
      },
      { highWaterMark: 0 },
    );
    this.#answer(new Response(body, { status: 200, headers: { 'content-type': 'text/event-stream' } }));
    if (text) this.write(text);
  }

  write(text: string | Uint8Array): void {
    if (!this.isOver) this.#stream!.enqueue(Buffer.from(text as string));
  }

  end(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#stream!.close();
  }

  cut(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#fail(new TypeError('network error'));
    try {
      this.#stream?.error(new TypeError('network error'));
    } catch {
      // It was over.
    }
  }
}

export class FakeServer {
  readonly requests: FakeRequest[] = [];
  /** Answers by itself; what it does not answer is the test's. */
  auto: ((request: FakeRequest) => void) | undefined;

  readonly fetch = ((url: string, init: RequestInit = {}) => {
    const request = new FakeRequest(url, init);
    this.requests.push(request);
    this.auto?.(request);
    return request.answered;
  }) as unknown as typeof fetch;

  get posts(): FakeRequest[] {
    return this.requests.filter(({ method }) => method === 'POST');
  }

  get streams(): FakeRequest[] {
    return this.requests.filter(({ url, query }) => url.pathname.endsWith('/events') && query.format !== 'json');
  }

  get polls(): FakeRequest[] {
    return this.requests.filter(({ query }) => query.format === 'json');
  }
}

/** What a test waits for without moving the clock. */
export function until<T>(what: string, condition: () => T): Promise<NonNullable<T>> {
  return waitFor(condition, { what, everyMs: 1 });
}

export class FakePage implements Page {
  #listener: PageListener | undefined;
  hidden = false;

  isHidden(): boolean {
    return this.hidden;
  }

  listen(listener: PageListener): () => void {
    this.#listener = listener;
    return () => {
      this.#listener = undefined;
    };
  }

  fire(what: keyof PageListener): void {
    this.hidden = what === 'hidden' || (what !== 'visible' && this.hidden);
    this.#listener?.[what]();
  }
}

/** Those of one browser profile; a tab that is killed loses its own. */
export class FakeLocks {
  readonly #held = new Map<string, { readonly tab: number; readonly end: () => void }>();
  readonly #queues = new Map<string, (() => void)[]>();
  #tabs = 0;

  tab(): { locks: Locks; kill: () => void } {
    const tab = ++this.#tabs;
    const request: Locks['request'] = (name, { ifAvailable, steal, signal }, held) =>
      new Promise((resolve, reject) => {
        const take = () => {
          if (signal?.aborted) return;
          let isStolen = false;
          const entry = {
            tab,
            end: () => {
              isStolen = true;
              reject(new Error('stolen'));
            },
          };
          this.#held.set(name, entry);
          Promise.resolve(held({ name })).then((value) => {
            if (isStolen) return;
            this.#free(name, entry);
            resolve(value);
          }, reject);
        };
        const holder = this.#held.get(name);
        if (!holder) return take();
        if (ifAvailable) return void Promise.resolve(held(null)).then(resolve, reject);
        if (steal) {
          holder.end();
          return take();
        }
        const queue = this.#queues.get(name) ?? [];
        this.#queues.set(name, queue);
        queue.push(take);
        signal?.addEventListener('abort', () => {
          queue.splice(queue.indexOf(take), 1);
          reject(new Error('aborted'));
        });
      });
    const kill = () => {
      for (const [name, holder] of this.#held) if (holder.tab === tab) this.#free(name, holder);
    };
    return { locks: { request }, kill };
  }

  #free(name: string, holder: object): void {
    if (this.#held.get(name) !== holder) return;
    this.#held.delete(name);
    this.#queues.get(name)?.shift()?.();
  }
}

/** The channels between the tabs of one profile; what is said arrives later, in order. */
export function fakeBroadcast(): new (name: string) => Broadcast {
  const open = new Map<string, Set<Broadcast>>();
  return class implements Broadcast {
    onmessage: ((event: { data: unknown }) => void) | null = null;
    readonly #name: string;

    constructor(name: string) {
      this.#name = name;
      open.set(name, (open.get(name) ?? new Set()).add(this));
    }

    postMessage(message: unknown): void {
      const data = structuredClone(message);
      for (const other of open.get(this.#name) ?? []) {
        if (other !== this) queueMicrotask(() => (other.onmessage as (event: object) => void)?.({ data }));
      }
    }

    close(): void {
      this.onmessage = null;
      open.get(this.#name)?.delete(this);
    }
  };
}

export class FakeStorage implements OutboxStorage {
  readonly changes = new Map<string, StoredChange>();
  broken = false;

  async list(scope: string): Promise<StoredChange[]> {
    return [...this.changes.values()].filter((change) => change.scope === scope);
  }

  async put(change: StoredChange): Promise<void> {
    if (this.broken) throw new Error('the quota is exceeded');
    this.changes.set(`${change.from} ${change.channel} ${change.seq}`, structuredClone(change));
  }

  async delete({ from, channel, seq }: StoredChange): Promise<void> {
    this.changes.delete(`${from} ${channel} ${seq}`);
  }
}

export interface Tab {
  readonly connection: Connection;
  readonly clock: FakeClock;
  readonly server: FakeServer;
  readonly page: FakePage;
  readonly statuses: Status[];
  readonly dropped: Dropped[];
  readonly errors: Error[];
}

export interface TabOptions extends Partial<ConnectOptions> {
  readonly locks?: Locks;
  readonly server?: FakeServer;
  readonly fakeClock?: FakeClock;
  readonly Channel?: (new (name: string) => Broadcast) | undefined;
  readonly load?: () => Promise<Part>;
}

/** Without jitter unless a test says otherwise; nothing is shared with other tabs unless it is asked for. */
export function openTab({
  locks,
  Channel,
  // A module that is loaded takes real time.
  load = async () => more,
  server = new FakeServer(),
  fakeClock = new FakeClock(),
  ...options
}: TabOptions = {}): Tab {
  const page = new FakePage();
  const statuses: Status[] = [];
  const dropped: Dropped[] = [];
  const errors: Error[] = [];
  const connection = createConnection(
    'http://server.test',
    { clock: fakeClock, random: () => 0.5, fetch: server.fetch, storage: 'memory', share: false, ...options },
    { page, locks, Channel, load },
  );
  connection.addEventListener('status', (status) => statuses.push(status));
  connection.addEventListener('dropped', (one) => dropped.push(one));
  connection.addEventListener('error', (error) => errors.push(error));
  return { connection, clock: fakeClock, server, page, statuses, dropped, errors };
}

export const HEARTBEAT_MS = 20_000;

export interface SyncFrame {
  readonly id?: string;
  readonly status?: string;
  readonly retry?: number;
  readonly channels?: object;
  /** What a server tells that takes batches. */
  readonly maxBatchChanges?: number;
  readonly maxBatchBytes?: number;
}

export function sync({ id, status = 'fresh', retry, channels = {}, ...limits }: SyncFrame = {}): string {
  const head = `${retry === undefined ? '' : `retry: ${retry}\n`}${id === undefined ? '' : `id: ${id}\n`}`;
  return `${head}event: $sync\ndata: ${JSON.stringify({ status, channels, heartbeatMs: HEARTBEAT_MS, ...limits })}\n\n`;
}

export function event(id: string, data: string, more: object = {}): string {
  return `id: ${id}\ndata: ${JSON.stringify({ ...more, data })}\n\n`;
}

export function control(type: string, data: object, { id, retry }: { id?: string; retry?: number } = {}): string {
  const head = `${retry === undefined ? '' : `retry: ${retry}\n`}${id === undefined ? '' : `id: ${id}\n`}`;
  return `${head}event: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
}

export const textsOf = (events: readonly ChannelEvent[]): (string | Uint8Array)[] => events.map(({ data }) => data);

export function assertCode(code: string): (error: unknown) => true {
  return (error) => {
    assert.equal((error as { code?: string }).code, code, String(error));
    return true;
  };
}
