/**
 * A TCP proxy on loopback that passes everything on as it is and counts it: between a client and the server that ends its TLS, it sees
 * what a phone's radio would, without the headers of TCP and IP.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type OneWay, TlsRecords } from './tls-records.ts';

export interface Counted {
  readonly up: OneWay;
  readonly down: OneWay;
}

export interface CountingProxy extends AsyncDisposable {
  readonly port: number;
  /** All connections so far, together. */
  now(): Counted;
  /** Once nothing has crossed for a while. @throws {Error} when that does not come. */
  quiet(): Promise<Counted>;
}

/** Far above what an answer takes on this machine, and what is late of it, such as an acknowledgement of a window. */
const QUIET_MS = 80;
const DEADLINE_MS = 10_000;

export async function startCountingProxy(targetPort: number): Promise<CountingProxy> {
  /** Both ways of each connection: records are those of one. */
  const connections: { readonly up: TlsRecords; readonly down: TlsRecords }[] = [];
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (client) => {
    const upstream = connect({ port: targetPort, host: '127.0.0.1', noDelay: true });
    const counted = { up: new TlsRecords(), down: new TlsRecords() };
    connections.push(counted);
    join(client, upstream, counted.up);
    join(upstream, client, counted.down);
  });

  function join(source: Socket, target: Socket, count: TlsRecords): void {
    sockets.add(source);
    source.on('data', (chunk: Buffer) => count.push(chunk));
    source.pipe(target);
    source.once('error', () => target.destroy());
    source.once('close', () => {
      sockets.delete(source);
      target.destroy();
    });
  }

  const now = () => ({
    up: sumOf(connections.map(({ up }) => up)),
    down: sumOf(connections.map(({ down }) => down)),
  });

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    now,
    async quiet() {
      const until = performance.now() + DEADLINE_MS;
      let last = now();
      let sinceMs = performance.now();
      while (performance.now() - sinceMs < QUIET_MS) {
        await sleep(5);
        const seen = now();
        if (seen.up.bytes !== last.up.bytes || seen.down.bytes !== last.down.bytes) sinceMs = performance.now();
        if (performance.now() > until) throw new Error(`something crosses all the time: ${JSON.stringify(seen)}`);
        last = seen;
      }
      return last;
    },
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}

function sumOf(ways: readonly OneWay[]): OneWay {
  const sum = (of: (way: OneWay) => number) => ways.reduce((all, way) => all + of(way), 0);
  return {
    bytes: sum(({ bytes }) => bytes),
    records: sum(({ records }) => records),
    payload: sum(({ payload }) => payload),
  };
}

export function differenceOf(later: Counted, earlier: Counted): Counted {
  const way = (name: 'up' | 'down'): OneWay => ({
    bytes: later[name].bytes - earlier[name].bytes,
    records: later[name].records - earlier[name].records,
    payload: later[name].payload - earlier[name].payload,
  });
  return { up: way('up'), down: way('down') };
}
