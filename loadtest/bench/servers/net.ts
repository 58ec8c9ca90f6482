/** A bare `net` server: a loop of writes to sockets. As little as Node can do. */
import { createServer, type Socket } from 'node:net';
import { channelOf, frameOf, greeting, Streams, streamHead } from './streams.ts';

const streams = new Streams<Socket>();
const head = Object.entries(streamHead).map(([name, value]) => `${name}: ${value}\r\n`);
const opening = `HTTP/1.1 200 OK\r\n${head.join('')}\r\n${greeting}`;

createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => socket.destroy());
  socket.once('data', (request) => {
    const [method, url = ''] = request.toString('latin1').split(' ', 2);
    if (method === 'GET') {
      socket.write(opening);
      const remove = streams.add(channelOf(url), socket);
      socket.on('close', remove);
      socket.resume();
    } else {
      const frame = frameOf(streams.nextId(), 'x');
      for (const stream of streams.of(channelOf(url))) stream.write(frame);
      socket.end('HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n');
    }
  });
}).listen({ port: Number(process.env.PORT), host: '127.0.0.1', backlog: 4096 });
