/** Plain `node:http`, `res.write`: what one writes without a library. */
import { createServer, type ServerResponse } from 'node:http';
import { channelOf, frameOf, greeting, Streams, streamHead } from './streams.ts';

const streams = new Streams<ServerResponse>();

createServer((request, response) => {
  const channel = channelOf(request.url ?? '');
  if (request.method === 'GET') {
    response.writeHead(200, streamHead);
    response.write(greeting);
    const remove = streams.add(channel, response);
    response.on('close', remove);
  } else {
    request.resume();
    const frame = frameOf(streams.nextId(), 'x');
    for (const stream of streams.of(channel)) stream.write(frame);
    response.writeHead(204).end();
  }
}).listen({ port: Number(process.env.PORT), host: '127.0.0.1', backlog: 4096 });
