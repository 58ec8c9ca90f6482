/** A name service for one test: every name has the same addresses, as a headless Service has one for each pod that is ready. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

export interface NameServer extends AsyncDisposable {
  readonly port: number;
  /** The names that were asked for. */
  readonly asked: ReadonlySet<string>;
  /** Whether questions are passed over. */
  isSilent: boolean;
}

const HEADER_BYTES = 12;
const TYPE_A = 1;

/**
 * @param addresses IPv4. Whoever asks for IPv6 is told that there is none.
 * @param at The port, on 127.0.0.1; by itself a free one.
 */
export async function startNameServer(addresses: readonly string[], at = 0): Promise<NameServer> {
  const asked = new Set<string>();
  const socket = createSocket('udp4');
  socket.on('message', (query, { port, address }) => {
    if (names.isSilent) return;
    const { name, end } = nameIn(query);
    asked.add(name);
    const given = query.readUInt16BE(end) === TYPE_A ? addresses : [];
    socket.send(answer(query.subarray(0, end + 4), given), port, address);
  });
  socket.bind(at, '127.0.0.1');
  await once(socket, 'listening');
  const names: NameServer = {
    port: (socket.address() as AddressInfo).port,
    asked,
    isSilent: false,
    async [Symbol.asyncDispose]() {
      socket.close();
    },
  };
  return names;
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
