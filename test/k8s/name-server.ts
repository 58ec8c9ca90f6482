/** A name service for one test: every name has the same addresses, as a headless Service has one for each pod that is ready. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

export interface NameServer extends AsyncDisposable {
  readonly port: number;
  /** The names that were asked for. */
  readonly asked: ReadonlySet<string>;
}

const HEADER_BYTES = 12;
const TYPE_A = 1;

/** @param addresses IPv4. Whoever asks for IPv6 is told that there is none. */
export async function startNameServer(addresses: readonly string[]): Promise<NameServer> {
  const asked = new Set<string>();
  const socket = createSocket('udp4');
  socket.on('message', (query, { port, address }) => {
    const { name, end } = nameIn(query);
    asked.add(name);
    const given = query.readUInt16BE(end) === TYPE_A ? addresses : [];
    socket.send(answer(query.subarray(0, end + 4), given), port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {
    port: (socket.address() as AddressInfo).port,
    asked,
    async [Symbol.asyncDispose]() {
      socket.close();
    },
  };
}

/** The name of the only question, and where it ends (RFC 1035 §4.1.2). */
function nameIn(query: Buffer): { name: string; end: number } {
  const words: string[] = [];
  let at = HEADER_BYTES;
  for (let length = query[at]!; length > 0; length = query[at]!) {
    words.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: words.join('.'), end: at + 1 };
}

/** The question again, and an A record for each address, good for a second. */
function answer(question: Buffer, addresses: readonly string[]): Buffer {
  const head = Buffer.from(question);
  head.writeUInt16BE(0x8180, 2);
  for (const [field, count] of [1, addresses.length, 0, 0].entries()) head.writeUInt16BE(count, 4 + 2 * field);
  const records = addresses.map((address) =>
    Buffer.from([0xc0, HEADER_BYTES, 0, TYPE_A, 0, 1, 0, 0, 0, 1, 0, 4, ...address.split('.').map(Number)]),
  );
  return Buffer.concat([head, ...records]);
}
