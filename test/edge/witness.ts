/** A server that answers everything with 204, and remembers what it was sent. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

export async function startWitness() {
  const seen: { readonly path: string; readonly headers: IncomingHttpHeaders }[] = [];
  const server = createServer((incoming, response) => {
    if (incoming.url !== '/readyz') seen.push({ path: incoming.url!, headers: incoming.headers });
    incoming.resume();
    incoming.once('end', () => response.writeHead(204).end());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}

export type Witness = Awaited<ReturnType<typeof startWitness>>;
