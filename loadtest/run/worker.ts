/**
 * One of the processes that hold streams: does what the coordinator orders, and tells every second how it goes.
 *
 * Invariant: it ends when the coordinator does, however that ends.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Ledger } from '../ledger/ledger.ts';
import { Streams } from '../listening/streams.ts';
import { nowMs } from '../measures/clock.ts';
import { Histogram } from '../measures/histogram.ts';
import { createRandom } from '../measures/random.ts';
import { createPublisher, type Publisher } from '../sending/publisher.ts';
import type { Accepted, Answer, Order, Told, Work } from './messages.ts';

const TICK_MS = 1000;
/** Between two looks at whether everything has arrived. */
const SETTLE_LOOK_MS = 100;
/** When everything is there, what comes twice may still be on its way. */
const LINGER_MS = 300;

function answer(message: Answer): void {
  if (process.connected) process.send!(message);
}

/** After what was left over is collected: what is really held. */
function heldBytes(): number {
  globalThis.gc?.();
  return process.memoryUsage.rss();
}

class Worker {
  readonly #work: Work;
  readonly #ledger: Ledger;
  readonly #streams: Streams;
  readonly #publisher: Publisher;
  readonly #random;
  readonly #delay = new Histogram();
  #tickDueMs: number;
  #nextCutMs = Number.POSITIVE_INFINITY;
  readonly #timers: NodeJS.Timeout[];

  constructor(work: Work) {
    const { options, plan, nonce } = work;
    this.#work = work;
    this.#random = createRandom(options.seed + 7919 * plan.index);
    const { payloadBytes, lateMs } = options;
    const { parts, firstStream } = plan;
    const ledger = new Ledger({ parts, nonce, firstStream, payloadBytes, lateMs });
    this.#ledger = ledger;
    this.#streams = new Streams(work, ledger, this.#random);
    this.#publisher = createPublisher({ work, ledger, random: this.#random, delay: this.#delay });
    this.#tickDueMs = performance.now() + work.tickMs;
    this.#timers = [setInterval(() => this.#tick(), work.tickMs), setInterval(() => this.#tell(), TICK_MS)];
  }

  async prime(): Promise<void> {
    await this.#publisher.prime();
    answer({ kind: 'primed' });
  }

  open(): void {
    this.#streams.onAllOpen = () => answer({ kind: 'opened', residentBytes: heldBytes() });
    this.#streams.start();
  }

  load(): void {
    this.#streams.loaded();
    // Of the opening, and of the collection after it: they are no part of what is measured.
    this.#delay.take();
    this.#tickDueMs = performance.now() + this.#work.tickMs;
    this.#publisher.start();
    const cutsPerMs = this.#cutsPerMs();
    if (cutsPerMs > 0) this.#nextCutMs = nowMs() + this.#random.gapMs(cutsPerMs);
  }

  async quiet(): Promise<void> {
    this.#nextCutMs = Number.POSITIVE_INFINITY;
    await this.#publisher.quiet();
    this.#told();
    const rooms = this.#ledger.rooms.all
      .filter(({ part }) => part.isOwner && part.isSplit)
      .map((room) => ({ room: room.part.room, accepted: [...this.#ledger.changes.acceptedOf(room)] }));
    if (rooms.length > 0) answer({ kind: 'accepted', rooms });
    answer({ kind: 'quiet' });
  }

  told({ sent }: Told): void {
    for (let i = 0; i < sent.length; i += 4) {
      const room = this.#partOf(sent[i]!);
      if (room) this.#ledger.due(room.firstClient + sent[i + 1]!, sent[i + 2]!, sent[i + 3]!);
    }
  }

  accepted({ rooms }: Accepted): void {
    for (const { room, accepted } of rooms) {
      const found = this.#partOf(room);
      if (found) for (const [i, seq] of accepted.entries()) this.#ledger.changes.accepted(found.firstClient + i, seq);
    }
  }

  async settle(deadlineMs: number): Promise<void> {
    while (!this.#ledger.isSettled() && Date.now() < deadlineMs) await sleep(SETTLE_LOOK_MS);
    await sleep(LINGER_MS);
    this.#ledger.close();
    this.#tell();
    answer({ kind: 'settled' });
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#publisher.close();
    this.#streams.close();
    answer({ kind: 'closed' });
  }

  /** A part of a split channel whose changes another process sends. */
  #partOf(room: number) {
    return this.#ledger.rooms.all.find(({ part }) => part.room === room && !part.isOwner);
  }

  #cutsPerMs(): number {
    const { options, plan } = this.#work;
    return (options.reconnectPerS / 1000) * (plan.streams / options.streams);
  }

  #tick(): void {
    const now = performance.now();
    this.#delay.recordMs(Math.max(0, now - this.#tickDueMs));
    this.#tickDueMs = now + this.#work.tickMs;
    this.#streams.tick();
    this.#publisher.tick();
    this.#told();
    for (const until = nowMs(); this.#nextCutMs <= until; this.#nextCutMs += this.#random.gapMs(this.#cutsPerMs())) {
      this.#streams.cutOne();
    }
  }

  #told(): void {
    const told = this.#publisher.takeTold();
    if (told) answer(told);
  }

  #tell(): void {
    const { user, system } = process.cpuUsage();
    const { counts, offences, arrivals, catchUps } = this.#ledger;
    answer({
      kind: 'tick',
      counts,
      offenceCounts: offences.counts,
      offences: offences.first,
      latency: arrivals.latency.take(),
      catchUp: catchUps.latency.take(),
      post: this.#publisher.post.take(),
      delay: this.#delay.take(),
      cpuS: (user + system) / 1e6,
      residentBytes: process.memoryUsage.rss(),
      lastFailure: this.#streams.lastFailure,
    });
  }
}

let worker: Worker | undefined;

process.on('message', (order: Order) => {
  if (order.kind === 'work') {
    worker = new Worker(order.work);
    answer({ kind: 'ready', residentBytes: heldBytes() });
  } else if (order.kind === 'prime') void worker?.prime();
  else if (order.kind === 'open') worker?.open();
  else if (order.kind === 'load') worker?.load();
  else if (order.kind === 'quiet') void worker?.quiet();
  else if (order.kind === 'told') worker?.told(order);
  else if (order.kind === 'accepted') worker?.accepted(order);
  else if (order.kind === 'settle') void worker?.settle(order.deadlineMs);
  else worker?.close();
});
process.on('disconnect', () => process.exit(0));
// Ctrl-C reaches every process of the terminal; the coordinator decides what is still to be done.
process.on('SIGINT', () => {});
