/**
 * A TCP proxy that does to connections what networks do. Between any two parts: bucket, merger or gateway and Redis,
 * clients and servers. With several targets it is a small load balancer too: in turn, past those that refuse.
 *
 * What it does can be changed at any time and holds from the next chunk on; connections are told apart, so one may be
 * cut while its neighbour goes on. TCP's own promise is kept: it delays, withholds and cuts, it never drops bytes out of
 * the middle, except after `swallow`, which ends the connection.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Random } from '../support/random.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface Trouble {
  /** Every chunk is held so long, in both directions, milliseconds. */
  readonly delayMs: number;
  /** And at random up to so long in addition; order is kept. */
  readonly jitterMs: number;
  /** Nothing passes, nothing is closed: what comes is kept until this ends. */
  readonly blackHole: boolean;
  /** New connections are reset at once. */
  readonly refuse: boolean;
  /** Chance that a chunk towards the target is forwarded, its reply withheld, and then the connection reset. */
  readonly swallow: number;
  /** Chance that a chunk towards the client is cut off in its middle, and the connection reset. */
  readonly cut: number;
}

const NO_TROUBLE: Trouble = { delayMs: 0, jitterMs: 0, blackHole: false, refuse: false, swallow: 0, cut: 0 };

export interface FaultProxy extends AsyncDisposable {
  readonly port: number;
  /** How often each thing was done. */
  readonly counts: { accepted: number; swallowed: number; cut: number; refused: number };
  /** Replaces all troubles; without an argument there are none. */
  set(trouble?: Partial<Trouble>): void;
  /** Resets every connection, or each with this chance. */
  cutAll(chance?: number): void;
  /** Resets every connection there is once it has passed so many more bytes to its client. */
  cutAfter(bytes: number): void;
}

/** Connections that are neither answered nor refused: as long as a swallowed reply is waited for. */
const REPLY_MAX_MS = 1_000;

interface ProxyState {
  readonly trouble: Trouble;
  readonly random: Random;
  readonly counts: FaultProxy['counts'];
}

/** What is on its way in one direction. */
interface Queue {
  readonly steps: { readonly dueMs: number; readonly run: () => void }[];
  timer: NodeJS.Timeout | null;
}

class Link {
  readonly #client: Socket;
  readonly #target: Socket;
  readonly #proxy: ProxyState;
  #isSwallowing = false;
  #bytesLeft = Number.POSITIVE_INFINITY;
  readonly #queues: readonly [Queue, Queue] = [
    { steps: [], timer: null },
    { steps: [], timer: null },
  ];

  constructor(client: Socket, target: Socket, proxy: ProxyState) {
    this.#client = client;
    this.#target = target;
    this.#proxy = proxy;
    client.setNoDelay(true);
    target.setNoDelay(true);
    client.on('data', (chunk) => this.#pass(0, () => this.#toTarget(chunk)));
    target.on('data', (chunk) => this.#pass(1, () => this.#toClient(chunk)));
    client.on('end', () => this.#pass(0, () => void target.end()));
    target.on('end', () => this.#pass(1, () => void client.end()));
    for (const socket of [client, target]) socket.on('error', () => this.reset());
    client.once('close', () => this.#pass(0, () => void target.destroy()));
    target.once('close', () => this.#pass(1, () => void client.destroySoon()));
  }

  reset(): void {
    resetSocket(this.#client);
    this.#target.destroy();
  }

  cutAfter(bytes: number): void {
    this.#bytesLeft = bytes;
  }

  /** The troubles have changed. */
  changed(): void {
    for (const socket of [this.#client, this.#target]) {
      if (this.#proxy.trouble.blackHole) socket.pause();
      else socket.resume();
    }
    for (const queue of this.#queues) this.#run(queue);
  }

  /** Runs a step when its time has come, in the order of its direction. */
  #pass(direction: 0 | 1, run: () => void): void {
    const { trouble, random } = this.#proxy;
    const queue = this.#queues[direction];
    const dueMs = performance.now() + trouble.delayMs + trouble.jitterMs * random.next();
    queue.steps.push({ dueMs: Math.max(dueMs, queue.steps.at(-1)?.dueMs ?? 0), run });
    if (queue.steps.length === 1) this.#run(queue);
  }

  #run(queue: Queue): void {
    if (queue.timer) clearTimeout(queue.timer);
    queue.timer = null;
    while (queue.steps[0] && !this.#proxy.trouble.blackHole) {
      const waitMs = queue.steps[0].dueMs - performance.now();
      if (waitMs > 0.5) {
        queue.timer = setTimeout(() => this.#run(queue), waitMs);
        return;
      }
      queue.steps[0].run();
      queue.steps.shift();
    }
  }

  #toTarget(chunk: Buffer): void {
    const { trouble, random, counts } = this.#proxy;
    if (this.#isSwallowing) return;
    this.#forward(this.#client, this.#target, chunk);
    if (trouble.swallow === 0 || !random.chance(trouble.swallow)) return;
    this.#isSwallowing = true;
    counts.swallowed++;
    // Once it answers, it has read and done it; half-closed, so that what is on its way to it still arrives.
    const late = setTimeout(() => this.reset(), REPLY_MAX_MS);
    this.#target.once('data', () => {
      clearTimeout(late);
      resetSocket(this.#client);
      this.#target.end();
      setTimeout(() => this.#target.destroy(), REPLY_MAX_MS).unref();
    });
  }

  #toClient(chunk: Buffer): void {
    const { trouble, random, counts } = this.#proxy;
    if (this.#isSwallowing) return;
    const isCut = trouble.cut > 0 && random.chance(trouble.cut);
    const passed = Math.min(chunk.length, this.#bytesLeft, isCut ? random.int(chunk.length) : chunk.length);
    this.#bytesLeft -= passed;
    if (passed === chunk.length) {
      this.#forward(this.#target, this.#client, chunk);
      return;
    }
    counts.cut++;
    // A reset overtakes what was written just before it: the bytes before the cut are to arrive.
    this.#client.end(chunk.subarray(0, passed));
    this.#target.destroy();
  }

  #forward(from: Socket, to: Socket, chunk: Buffer): void {
    if (to.destroyed || to.writableEnded || to.write(chunk)) return;
    from.pause();
    to.once('drain', () => from.resume());
  }
}

/** libuv refuses to reset what is half-closed already, and Node then never closes it and cannot exit (seen on 20.20). */
function resetSocket(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

/** @param targets Asked for every connection; the first that does not refuse has it, beginning with another each time. */
export async function startProxy(targets: () => readonly Address[], random: Random): Promise<FaultProxy> {
  const links = new Set<Link>();
  const state = { trouble: NO_TROUBLE, random, counts: { accepted: 0, swallowed: 0, cut: 0, refused: 0 } };
  let turn = 0;

  function dial(client: Socket, left: readonly Address[]): void {
    const [address, ...others] = left;
    if (!address || client.destroyed) {
      resetSocket(client);
      return;
    }
    const target = connect({ ...address, allowHalfOpen: true });
    target.once('error', () => dial(client, others));
    target.once('connect', () => {
      target.removeAllListeners('error');
      const link = new Link(client, target, state);
      links.add(link);
      client.once('close', () => links.delete(link));
    });
  }

  const server = createServer({ allowHalfOpen: true, pauseOnConnect: false }, (client) => {
    client.on('error', () => undefined);
    state.counts.accepted++;
    if (state.trouble.refuse) {
      state.counts.refused++;
      resetSocket(client);
      return;
    }
    const all = targets();
    turn++;
    dial(
      client,
      all.map((_, i) => all[(turn + i) % all.length]!),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    port: (server.address() as AddressInfo).port,
    counts: state.counts,
    set(trouble = {}) {
      state.trouble = { ...NO_TROUBLE, ...trouble };
      for (const link of links) link.changed();
    },
    cutAll(chance = 1) {
      for (const link of links) if (random.chance(chance)) link.reset();
    },
    cutAfter(bytes) {
      for (const link of links) link.cutAfter(bytes);
    },
    async [Symbol.asyncDispose]() {
      for (const link of links) link.reset();
      server.close();
      await once(server, 'close');
    },
  };
}
