/**
 * A TCP proxy that loses connections when told to: what a tunnel, a train and a restarted load balancer do to a client.
 * Its own port stays the same whatever happens behind it, and it can be pointed at another server. What it carries it does not
 * look into, so it serves TLS as well: its URL has the scheme of what is behind it.
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
  /** From now on who connects is let wait, until `release`. */
  hold(): void;
  release(): void;
}

export async function startCutProxy(target: string): Promise<CutProxy> {
  let { protocol, hostname, port } = new URL(target);
  let accepted = 0;
  const pairs = new Set<readonly [Socket, Socket]>();
  let waiting: (() => void)[] | null = null;
  const server = createServer((client) => {
    accepted++;
    client.on('error', () => client.destroy());
    if (waiting) waiting.push(() => join(client));
    else join(client);
  });

  function join(client: Socket): void {
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
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  function cut(): void {
    for (const [client, upstream] of pairs) {
      client.resetAndDestroy();
      upstream.destroy();
    }
  }

  function release(): void {
    for (const joinNow of waiting ?? []) joinNow();
    waiting = null;
  }

  return {
    url: `${protocol}//127.0.0.1:${(server.address() as AddressInfo).port}`,
    get accepted() {
      return accepted;
    },
    cut,
    pointAt(changed) {
      ({ protocol, hostname, port } = new URL(changed));
    },
    hold() {
      waiting ??= [];
    },
    release,
    async [Symbol.asyncDispose]() {
      release();
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}
