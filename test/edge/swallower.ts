/**
 * A TCP relay in front of a bucket that can swallow replies: the change arrives there, its answer never comes back, and the
 * connection is closed. What a server that is killed at the worst moment looks like to an edge.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface Swallower extends AsyncDisposable {
  readonly url: string;
  /** POSTs and PUTs that came by so far. */
  readonly changes: number;
  /** Of the answers to changes, the next so many are swallowed. */
  swallow(count: number): void;
}

export async function startSwallower(target: string): Promise<Swallower> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let changes = 0;
  let toSwallow = 0;
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    // Of an edge's health checks no answer is swallowed.
    let isChange = false;
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.once('close', () => {
        other.destroy();
        sockets.delete(socket);
      });
    }
    client.on('data', (chunk: Buffer) => {
      if (/^(POST|PUT) /.test(chunk.toString('latin1'))) {
        changes++;
        isChange = true;
      }
      upstream.write(chunk);
    });
    upstream.on('data', (chunk: Buffer) => {
      if (isChange && toSwallow > 0) {
        toSwallow--;
        client.destroy();
      } else {
        client.write(chunk);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get changes() {
      return changes;
    },
    swallow(count) {
      toSwallow = count;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
