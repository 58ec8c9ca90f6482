/**
 * The clients that send: a change is due when the schedule says so, whether or not the ones before have been answered
 * (open loop). What is measured begins at that moment.
 *
 * Invariant (P6): a client has at most one unanswered change, and sends the very same again until it is accepted. Whatever
 * falls due meanwhile waits behind it, and its time counts.
 */

import type { Ledger } from '../ledger/ledger.ts';
import { nowMs } from '../measures/clock.ts';
import { Due } from '../measures/due.ts';
import { Histogram } from '../measures/histogram.ts';
import { payloadOf, type Random } from '../measures/random.ts';
import type { Told, Work } from '../run/messages.ts';
import { createConnections } from './connection.ts';

/** Before the very same is sent again, when the server did not say: with as much again at random. */
const RESEND_MS = 200;
const RETRY_AFTER_MAX_MS = 5000;

const PRIMER = -1;

interface Post {
  /** -1 for the first change of a channel. */
  readonly client: number;
  readonly seq: number;
  readonly dueMs: number;
  readonly text: string;
}

export interface Publisher {
  /** From when a change was due to its 204. */
  readonly post: Histogram;
  /**
   * Sends one change to each channel, before the first stream. A channel exists from its first event (P2), and only from
   * then on do its offsets follow each other: where it will begin is not known before.
   */
  prime(): Promise<void>;
  start(): void;
  tick(): void;
  /** Nothing more is due. Resolves when all that was sent is answered. */
  quiet(): Promise<void>;
  close(): void;
  /** Changes of split channels since the last call. */
  takeTold(): Told | null;
}

export function createPublisher(deps: {
  readonly work: Work;
  readonly ledger: Ledger;
  readonly random: Random;
  /** By how much this process was late. */
  readonly delay: Histogram;
}): Publisher {
  const { work, ledger, random, delay } = deps;
  const { options, nonce, target } = work;
  const { counts } = ledger;
  const connections = createConnections(target, work.connections, work.plan.sources[0]);
  const post = new Histogram();
  const resends = new Due<Post>(work.tickMs, nowMs());
  /** Clients whose changes are sent from here. */
  const senders = sendersOf(ledger);
  const perMs = (options.ratePerS / 1000) * (senders.count / options.streams);
  const sent = new Uint32Array(ledger.rooms.clients);
  /** Clients that wait for an answer, and what has become due for them meanwhile. */
  const busy = new Map<number, number[] | null>();
  let told: number[] = [];
  let nextDueMs = Number.POSITIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;
  let onQuiet: (() => void) | null = null;
  let isOver = false;
  let isClosed = false;
  let unprimed = 0;
  let onPrimed: (() => void) | null = null;

  function gapMs(): number {
    return options.interval === 'even' ? 1 / perMs : random.gapMs(perMs);
  }

  function run(): void {
    const now = nowMs();
    while (nextDueMs <= now) {
      delay.recordMs(now - nextDueMs);
      isDue(senders.at(random.int(senders.count)), nextDueMs);
      nextDueMs += gapMs();
    }
    if (nextDueMs < Number.POSITIVE_INFINITY) timer = setTimeout(run, Math.max(1, nextDueMs - now));
  }

  function isDue(client: number, dueMs: number): void {
    counts.due++;
    const behind = busy.get(client);
    if (behind === undefined) begin(client, dueMs);
    else if (behind === null) busy.set(client, [dueMs]);
    else behind.push(dueMs);
  }

  function begin(client: number, dueMs: number): void {
    const behind = busy.get(client) ?? null;
    busy.set(client, behind);
    const seq = ++sent[client]!;
    const room = ledger.rooms.ofClient(client);
    const number = client - room.firstClient;
    ledger.due(client, seq, dueMs);
    if (room.part.isSplit) told.push(room.part.room, number, seq, dueMs);
    const body = payloadOf(number, seq, options.payloadBytes);
    send({ client, seq, dueMs, text: requestText(room.name, ledger.rooms.nameOf(client), seq, body) });
  }

  function send(change: Post): void {
    connections.send({
      text: change.text,
      done({ status, retryAfterMs, detail }) {
        if (status >= 200 && status < 300) accepted(change);
        else if (isClosed) return;
        else if (status === 0 || status === 408 || status === 429 || status >= 500) {
          counts.resent++;
          const waitMs = Math.min(RETRY_AFTER_MAX_MS, retryAfterMs ?? RESEND_MS) * (1 + random.next());
          resends.add(change, nowMs() + waitMs);
        } else if (change.client === PRIMER) {
          ledger.malformed(0, `the first POST to a channel was answered ${status}`);
          primed();
        } else {
          ledger.refused(change.client, change.seq, `a POST was answered ${status} ${detail.replaceAll(/\s+/g, ' ')}`);
          finished(change);
        }
      },
    });
  }

  function accepted(change: Post): void {
    if (change.client === PRIMER) {
      primed();
      return;
    }
    const { part } = ledger.rooms.ofClient(change.client);
    counts.accepted++;
    // One for each stream of the channel, wherever it is held.
    counts.owed += part.clients;
    ledger.changes.accepted(change.client, change.seq);
    post.recordMs(nowMs() - change.dueMs);
    finished(change);
  }

  function primed(): void {
    if (--unprimed === 0) onPrimed?.();
  }

  function requestText(name: string, from: string, seq: number, body: string): string {
    return `POST /c/${name}?from=${from}&seq=${seq} HTTP/1.1\r\nHost: ${target.name}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  }

  function finished({ client }: Post): void {
    const behind = busy.get(client);
    const nextMs = behind?.shift();
    if (nextMs !== undefined) begin(client, nextMs);
    else {
      busy.delete(client);
      if (isOver && busy.size === 0) onQuiet?.();
    }
  }

  return {
    post,
    prime() {
      const names = ledger.rooms.all.filter(({ part }) => part.isOwner).map(({ name }) => name);
      unprimed = names.length;
      if (unprimed === 0) return Promise.resolve();
      for (const name of names)
        send({ client: PRIMER, seq: 1, dueMs: nowMs(), text: requestText(name, `prime.${nonce}`, 1, '0') });
      return new Promise((resolve) => {
        onPrimed = resolve;
      });
    },
    start() {
      if (senders.count === 0 || perMs === 0) return;
      nextDueMs = nowMs() + gapMs();
      run();
    },
    tick() {
      connections.tick();
      for (const change of resends.take(nowMs())) send(change);
    },
    quiet() {
      isOver = true;
      nextDueMs = Number.POSITIVE_INFINITY;
      clearTimeout(timer);
      if (busy.size === 0) return Promise.resolve();
      return new Promise((resolve) => {
        onQuiet = resolve;
      });
    },
    close() {
      isClosed = true;
      nextDueMs = Number.POSITIVE_INFINITY;
      clearTimeout(timer);
      connections.close();
    },
    takeTold() {
      if (told.length === 0) return null;
      const message: Told = { kind: 'told', sent: told };
      told = [];
      return message;
    },
  };
}

/** The clients that are sent for from here, as if they were one list. */
function sendersOf(ledger: Ledger): { readonly count: number; at(index: number): number } {
  const owned = ledger.rooms.all.filter(({ part }) => part.isOwner);
  const count = owned.reduce((sum, { part }) => sum + part.clients, 0);
  if (owned.length === ledger.rooms.all.length) return { count, at: (index) => index };
  const clients = new Uint32Array(count);
  let at = 0;
  for (const { firstClient, part } of owned) {
    for (let client = firstClient; client < firstClient + part.clients; client++) clients[at++] = client;
  }
  return { count, at: (index) => clients[index]! };
}
