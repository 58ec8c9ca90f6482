/** An attacker's connections: bare sockets, what is answered on them, and whether the other side has closed them. */
import { connect, type Socket } from 'node:net';
import { type AnswerHead, AnswerReader } from './answers.ts';

export interface RawOptions {
  readonly onAnswer?: (head: AnswerHead) => void;
  readonly onClose?: () => void;
  /** Takes nothing until `read`. */
  readonly isPaused?: boolean;
  /** Instead of an attacker's next. */
  readonly localAddress?: string;
}

/** A pair of addresses has 28,000 ports. */
const PORTS_USED = 15_000;
let opened = 0;

export class RawConnection {
  readonly socket: Socket;
  readonly reader: AnswerReader;
  isClosed = false;
  readonly closed: Promise<void>;

  constructor(url: string, options: RawOptions = {}) {
    const { onAnswer = () => {}, onClose = () => {}, isPaused = false, localAddress = nextAddress() } = options;
    const { hostname, port } = new URL(url);
    this.reader = new AnswerReader(onAnswer);
    this.socket = connect({ host: hostname, port: Number(port), localAddress, noDelay: true });
    this.socket.on('error', () => {});
    this.closed = new Promise((resolve) => {
      this.socket.once('close', () => {
        this.isClosed = true;
        onClose();
        resolve();
      });
    });
    this.socket.on('data', (chunk) => this.reader.push(chunk));
    if (isPaused) this.socket.pause();
  }

  /** Resolves when the other side has taken nearly all of it, or has closed. */
  async send(bytes: string | Buffer): Promise<void> {
    if (this.isClosed || this.socket.write(bytes)) return;
    const drained = new Promise<void>((resolve) => this.socket.once('drain', resolve));
    await Promise.race([drained, this.closed]);
  }

  read(): void {
    this.socket.resume();
  }

  close(): void {
    this.socket.destroy();
  }
}

function nextAddress(): string {
  return `127.0.0.${2 + (Math.floor(opened++ / PORTS_USED) % 200)}`;
}

export function get(path: string, fields = ''): string {
  return `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${fields}\r\n`;
}

export function post(path: string, body: string | Buffer, fields = ''): Buffer {
  const head = `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${fields}\r\n`;
  return Buffer.concat([Buffer.from(head), typeof body === 'string' ? Buffer.from(body) : body]);
}

/** What a byte of a change costs most in: each is six letters of JSON. */
export const DEAR_BYTE = 0x01;
