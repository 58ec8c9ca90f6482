/** A proxy that answers for streams by itself, as often as it is told to; whatever else is asked goes on to the server. */
import { once } from 'node:events';
import { createServer, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface AnsweringProxy extends AsyncDisposable {
  readonly url: string;
  /** What it says to the next streams, one each. */
  readonly answers: ((response: ServerResponse) => void)[];
  /** The query of each stream that was asked for. */
  readonly asked: URLSearchParams[];
  /** Ends the streams that are open. */
  cut(): void;
}

export async function startAnsweringProxy(targetPort: number): Promise<AnsweringProxy> {
  const open = new Set<ServerResponse>();
  const answers: AnsweringProxy['answers'] = [];
  const asked: URLSearchParams[] = [];
  const server = createServer((incoming, outgoing) => {
    const { method, headers, url = '' } = incoming;
    const isStream = url.includes('/events');
    if (isStream) asked.push(new URL(url, 'http://proxy').searchParams);
    const answer = isStream ? answers.shift() : undefined;
    if (answer) return answer(outgoing);
    const upstream = request({ host: '127.0.0.1', port: targetPort, method, path: url, headers }, (reply) => {
      outgoing.writeHead(reply.statusCode!, reply.headers);
      if (isStream) open.add(outgoing);
      reply.pipe(outgoing);
    });
    upstream.on('error', () => outgoing.destroy());
    outgoing.on('close', () => upstream.destroy());
    incoming.pipe(upstream);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answers,
    asked,
    cut() {
      for (const each of open) each.destroy();
      open.clear();
    },
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
