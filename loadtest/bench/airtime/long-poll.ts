/**
 * Plain long polling: a request waits for the next event, is answered with it, and is asked again; a change is a POST. As little as one can
 * write with Node, so that all it costs is that: no cursor, no credential, and an event between two requests is lost.
 */
import { createSecureServer, type Http2ServerResponse, type ServerHttp2Session } from 'node:http2';
import type { Http } from './http.ts';
import { overHttp1 } from './http1.ts';
import { overHttp2 } from './http2.ts';
import { type Identity, listenOn } from './own-server.ts';
import type { Listener, Sender, Way, Ways } from './way.ts';

const PATH = '/c/demo';

export async function longPollWays({ bundle, ca }: Identity): Promise<Ways> {
  const waiting = new Set<Http2ServerResponse>();
  const sessions = new Set<ServerHttp2Session>();
  const server = createSecureServer({ key: bundle, cert: bundle, minVersion: 'TLSv1.3', allowHTTP1: true });
  server.on('session', (session) => sessions.add(session.once('close', () => sessions.delete(session))));
  server.on('request', (request, response) => {
    request.resume();
    if (request.method === 'POST') response.writeHead(204).end();
    else waiting.add(response);
  });
  const port = await listenOn(server);

  async function sender(http: Http): Promise<Sender> {
    const send = async () => void (await http.ask({ method: 'POST', path: PATH, body: 'x' }));
    await send();
    return { send, close: () => http.close() };
  }

  async function listener(http: Http): Promise<Listener> {
    let heard = 0;
    let isClosed = false;
    const before = waiting.size;
    void (async () => {
      while (!isClosed) {
        await http.ask({ method: 'GET', path: PATH });
        heard++;
      }
    })().catch((error: Error) => {
      if (!isClosed) throw error;
    });
    while (waiting.size === before) await new Promise((resolve) => setTimeout(resolve, 2));
    const close = () => {
      isClosed = true;
      http.close();
    };
    return { heard: () => heard, close };
  }

  const publish = async () => {
    for (const response of waiting)
      response.writeHead(200, { 'content-type': 'text/plain', 'content-length': 1 }).end('x');
    waiting.clear();
  };
  const ways = Object.entries({ 'HTTP/1.1': overHttp1, 'HTTP/2': overHttp2 }).map(
    ([version, over]): Way => ({
      name: `long poll, ${version}`,
      port,
      sender: (to) => sender(over(to, ca)),
      listener: (to) => listener(over(to, ca)),
      publish,
    }),
  );
  return {
    ways,
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy();
      server.close();
    },
  };
}
