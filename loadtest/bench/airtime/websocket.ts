/**
 * A bare WebSocket (`ws`): one frame of one byte each way, without compression. Once as it is, where a client never learns whether its
 * change arrived, and once with an answer of one byte to each, which is what a 204 says.
 */
import { once } from 'node:events';
import WebSocket, { WebSocketServer } from 'ws';
import { type Identity, listenOn, makeServer } from './own-server.ts';
import type { Listener, Sender, Way, Ways } from './way.ts';

const ANSWER = '1';

export async function websocketWays(identity: Identity): Promise<Ways> {
  const server = makeServer(identity);
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket, { url }) => {
    if (url === '/answered') socket.on('message', () => socket.send(ANSWER));
  });
  const port = await listenOn(server);

  async function connect(to: number, path: string): Promise<WebSocket> {
    const socket = new WebSocket(`wss://localhost:${to}${path}`, { ca: identity.ca, family: 4 });
    await once(socket, 'open');
    return socket;
  }

  async function sender(to: number, path: '/plain' | '/answered'): Promise<Sender> {
    const socket = await connect(to, path);
    const send = async () => {
      const answered = path === '/answered' ? once(socket, 'message') : undefined;
      socket.send('x');
      await answered;
    };
    await send();
    return { send, close: () => socket.terminate() };
  }

  async function listener(to: number): Promise<Listener> {
    const socket = await connect(to, '/plain');
    let heard = 0;
    socket.on('message', () => heard++);
    return { heard: () => heard, close: () => socket.terminate() };
  }

  const publish = async () => {
    for (const socket of sockets.clients) socket.send('x');
  };
  const ways: Way[] = [
    { name: 'WebSocket, no answer', port, sender: (to) => sender(to, '/plain'), listener, publish },
    { name: 'WebSocket, answered', port, sender: (to) => sender(to, '/answered') },
  ];
  return {
    ways,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets.clients) socket.terminate();
      server.close();
      server.closeAllConnections();
    },
  };
}
