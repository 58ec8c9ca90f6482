/**
 * A TCP proxy that loses connections when told to: what a tunnel, a train and a restarted load balancer do to a client.
 * Its own port stays the same whatever happens behind it, and it can be pointed at another server.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface CutProxy extends AsyncDisposable {
  readonly url: string;
  /** Connections that were accepted so far. */
  readonly accepted: number;
  /** Resets every connection, in the middle of whatever is on it. */
  cut(): void;
  /** From the next connection on. */
  pointAt(target: string): void;
}

export async function startCutProxy(target: string): Promise<CutProxy> {
  let { hostname, port } = new URL(target);
  let accepted = 0;
  const pairs = new Set<readonly [Socket, Socket]>();
  const server = createServer((client) => {
    accepted++;
    const upstream = connect(Number(port), hostname);
    const pair = [client, upstream] as const;
    pairs.add(pair);
    for (const [socket, other] of [pair, [upstream, client] as const]) {
      socket.pipe(other);
      socket.on('error', () => other.destroy());
      socket.once('close', () => {
        other.destroy();
        pairs.delete(pair);
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  function cut(): void {
    for (const [client, upstream] of pairs) {
      client.resetAndDestroy();
      upstream.destroy();
    }
  }

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get accepted() {
      return accepted;
    },
    cut,
    pointAt(changed) {
      ({ hostname, port } = new URL(changed));
    },
    async [Symbol.asyncDispose]() {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}
