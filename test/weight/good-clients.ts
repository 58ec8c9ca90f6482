/**
 * Those for whom all this is: streams on quiet channels, publishers whose changes are timed from the POST to the event at each
 * stream, short polls, and a look at `/healthz` again and again. They do as the protocol tells: what is answered 503 is sent
 * once more, and a stream that ends is opened again with its cursor. Both count as failures.
 */
import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Histogram } from '../../loadtest/measures/histogram.ts';
import { request } from '../support/http.ts';
import { type Frame, openSse, type SseReader } from '../support/sse.ts';
import { waitFor } from '../support/wait.ts';
import type { Target } from './attack.ts';
import { HealthProbe } from './health-probe.ts';
import { type Spread, spreadOf } from './spread.ts';

export interface Measured {
  readonly events: Spread;
  readonly posts: Spread;
  readonly health: Spread;
  /** The longest that a server did not answer `/healthz` and worked meanwhile. */
  readonly standstillMs: number;
  readonly attempts: number;
  /** How often each thing failed that did. */
  readonly failures: Readonly<Record<string, number>>;
}

const ROOMS = 3;
const STREAMS_PER_ROOM = 2;
/** Each has one change under way at a time (P6), so that a slow answer does not stop all of them. */
const PUBLISHERS_PER_ROOM = 4;
const CHANGES_PER_S = 30;
const EVERY_MS = (1000 * ROOMS * PUBLISHERS_PER_ROOM) / CHANGES_PER_S;
const POLL_EVERY_MS = 200;
const AGAIN_MS = 100;
/** Longer than anything that is answered at all. */
const PATIENCE_MS = 30_000;
/** After this an event counts as lost. */
const ARRIVED_MS = 15_000;
/** Why a server may end a stream that comes back (P22). */
const isFarewell = (frame: Frame | undefined) => frame?.event === '$bye';

interface Room {
  readonly channel: string;
  readonly streams: Stream[];
}

interface Stream {
  readonly awaited: Set<string>;
  last: Frame | undefined;
  lastId: string | undefined;
  reader: SseReader | undefined;
}

export class GoodClients {
  readonly #target: Target;
  readonly #rooms: Room[] = [];
  readonly #agent = new Agent({ keepAlive: true });
  readonly #probes: readonly HealthProbe[];
  readonly #sentMs = new Map<string, number>();
  readonly #loops: Promise<void>[] = [];
  #events = new Histogram();
  #posts = new Histogram();
  #attempts = 0;
  #failures: Record<string, number> = {};
  #isMeasuring = false;
  #isSending = false;
  #isClosed = false;

  private constructor(target: Target) {
    this.#target = target;
    const { bucketUrl, gatewayUrl, pids } = target;
    const all = new Map([
      [bucketUrl, pids.bucket],
      [gatewayUrl, pids.gateway],
    ]);
    this.#probes = [...all].map(([url, pid]) => new HealthProbe(url, pid));
  }

  static async open(target: Target): Promise<GoodClients> {
    const good = new GoodClients(target);
    for (let i = 0; i < ROOMS; i++) {
      const room: Room = { channel: `good-${i}`, streams: [] };
      good.#rooms.push(room);
      for (let n = 0; n < STREAMS_PER_ROOM; n++) {
        const stream: Stream = { awaited: new Set(), last: undefined, lastId: undefined, reader: undefined };
        room.streams.push(stream);
        good.#loops.push(good.#listen(room, stream));
        await waitFor(() => stream.lastId !== undefined, { timeoutMs: PATIENCE_MS, what: `$sync of ${room.channel}` });
      }
      for (let n = 0; n < PUBLISHERS_PER_ROOM; n++) good.#loops.push(good.#publish(room, `p${i}${n}`));
      good.#loops.push(good.#poll(room));
    }
    return good;
  }

  begin(): void {
    this.#events = new Histogram();
    this.#posts = new Histogram();
    this.#attempts = 0;
    this.#failures = {};
    for (const probe of this.#probes) probe.begin();
    this.#isMeasuring = true;
    this.#isSending = true;
  }

  /** Sends nothing more, waits for what is on its way, and tells what there was since `begin`. */
  async end(): Promise<Measured> {
    this.#isSending = false;
    const isAllThere = () => this.#rooms.every(({ streams }) => streams.every(({ awaited }) => awaited.size === 0));
    await waitFor(isAllThere, { timeoutMs: ARRIVED_MS, everyMs: 20, what: 'all events' }).catch(() => {});
    for (const { streams } of this.#rooms) {
      for (const { awaited } of streams) {
        for (const _ of awaited) this.#fail('an event that did not come');
        awaited.clear();
      }
    }
    this.#isMeasuring = false;
    const probes = this.#probes.map((probe) => probe.end());
    for (const { failures } of probes) for (let i = 0; i < failures; i++) this.#fail('GET /healthz');
    return {
      events: spreadOf(this.#events),
      posts: spreadOf(this.#posts),
      health: probes.map(({ health }) => health).reduce((a, b) => (a.maxMs > b.maxMs ? a : b)),
      standstillMs: Math.max(...probes.map(({ standstillMs }) => standstillMs)),
      attempts: this.#attempts + probes.reduce((sum, { health }) => sum + health.count, 0),
      failures: this.#failures,
    };
  }

  close(): void {
    this.#isClosed = true;
    for (const probe of this.#probes) probe.close();
    for (const { streams } of this.#rooms) for (const { reader } of streams) reader?.close();
    this.#agent.destroy();
  }

  #fail(what: string): void {
    if (this.#isMeasuring) this.#failures[what] = (this.#failures[what] ?? 0) + 1;
  }

  async #listen({ channel }: Room, stream: Stream): Promise<void> {
    const onFrame = (frame: Frame) => {
      stream.last = frame;
      stream.lastId = frame.id ?? stream.lastId;
      if (frame.event !== 'message' || frame.data === undefined || !stream.awaited.delete(frame.data)) return;
      if (this.#isMeasuring) this.#events.recordMs(performance.now() - this.#sentMs.get(frame.data)!);
    };
    while (!this.#isClosed) {
      try {
        const headers = stream.lastId === undefined ? {} : { 'last-event-id': stream.lastId };
        stream.reader = await openSse(`${this.#target.gatewayUrl}/c/${channel}/events`, { headers, onFrame });
        await stream.reader.ended;
        if (!this.#isClosed && !isFarewell(stream.last)) this.#fail('a stream that ended');
      } catch {
        if (!this.#isClosed) this.#fail('a stream that could not be opened');
      }
      await sleep(AGAIN_MS);
    }
  }

  async #publish(room: Room, name: string): Promise<void> {
    const from = `${name}.${process.pid.toString(36)}${Math.floor(performance.timeOrigin % 1e9).toString(36)}`;
    await sleep(Math.random() * EVERY_MS);
    for (let seq = 1; !this.#isClosed; seq++) {
      await waitFor(() => this.#isSending || this.#isClosed, { timeoutMs: 1e9, everyMs: 10, what: 'the next time' });
      const startedMs = performance.now();
      const change = `${from}:${seq}`;
      for (const { awaited } of room.streams) awaited.add(change);
      this.#sentMs.set(change, startedMs);
      const path = `/c/${room.channel}?from=${from}&seq=${seq}`;
      while (!this.#isClosed && !(await this.#send(path, change))) await sleep(AGAIN_MS);
      await sleep(Math.max(0, EVERY_MS - (performance.now() - startedMs)));
    }
  }

  async #send(path: string, body: string): Promise<boolean> {
    const startedMs = performance.now();
    const init = { method: 'POST', body, agent: this.#agent, timeoutMs: PATIENCE_MS };
    const status = await statusOf(request(this.#target.bucketUrl, path, init));
    if (this.#isMeasuring) {
      this.#attempts++;
      this.#posts.recordMs(performance.now() - startedMs);
    }
    if (status !== 204) this.#fail(`POST answered ${status || 'nothing'}`);
    return status === 204;
  }

  async #poll({ channel }: Room): Promise<void> {
    await sleep(Math.random() * POLL_EVERY_MS);
    while (!this.#isClosed) {
      if (this.#isMeasuring && this.#isSending) {
        this.#attempts++;
        const path = `/c/${channel}/events?format=json`;
        const init = { agent: this.#agent, timeoutMs: PATIENCE_MS };
        const status = await statusOf(request(this.#target.gatewayUrl, path, init));
        if (status !== 200) this.#fail(`a poll answered ${status || 'nothing'}`);
      }
      await sleep(POLL_EVERY_MS);
    }
  }
}

function statusOf(answer: Promise<{ readonly status: number }>): Promise<number> {
  return answer.then(
    ({ status }) => status,
    () => 0,
  );
}
