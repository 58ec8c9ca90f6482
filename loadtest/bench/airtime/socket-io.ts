/** Socket.IO as it comes: it begins by polling and goes over to a WebSocket, on which each event is a name and its data as JSON. */
import { once } from 'node:events';
import { Server } from 'socket.io';
import { io, type Socket } from 'socket.io-client';
import { type Identity, listenOn, makeServer } from './own-server.ts';
import type { Listener, Sender, Way, Ways } from './way.ts';

/** As short as a name can be. */
const EVENT = 'x';

export async function socketIoWays(identity: Identity): Promise<Ways> {
  const server = makeServer(identity);
  const sockets = new Server(server);
  sockets.on('connection', (socket) => {
    socket.on(EVENT, (_data: string, answer?: () => void) => answer?.());
  });
  const port = await listenOn(server);

  /** Resolves when it has its WebSocket: what comes before is of the first change. */
  async function connect(to: number): Promise<Socket> {
    const socket = io(`https://localhost:${to}`, { ca: identity.ca.toString(), forceNew: true, reconnection: false });
    await once(socket as unknown as NodeJS.EventEmitter, 'connect');
    const { engine } = socket.io;
    if (engine.transport.name !== 'websocket') await once(engine as unknown as NodeJS.EventEmitter, 'upgrade');
    return socket;
  }

  async function sender(to: number, isAnswered: boolean): Promise<Sender> {
    const socket = await connect(to);
    const send = async () => {
      if (isAnswered) await socket.emitWithAck(EVENT, 'x');
      else socket.emit(EVENT, 'x');
    };
    await send();
    return { send, close: () => void socket.disconnect() };
  }

  async function listener(to: number): Promise<Listener> {
    const socket = await connect(to);
    let heard = 0;
    socket.on(EVENT, () => heard++);
    return { heard: () => heard, close: () => void socket.disconnect() };
  }

  const publish = async () => void sockets.emit(EVENT, 'x');
  const ways: Way[] = [
    { name: 'Socket.IO, no answer', port, sender: (to) => sender(to, false), listener, publish },
    { name: 'Socket.IO, acknowledged', port, sender: (to) => sender(to, true) },
  ];
  return {
    ways,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      await sockets.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
