/** better-sse on `node:http`: sessions and one broadcast channel for each of ours. */
import { createServer } from 'node:http';
import { createChannel, createSession } from 'better-sse';
import { channelOf, Streams } from './streams.ts';

const ids = new Streams<never>();
const channels = new Map<string, ReturnType<typeof createChannel>>();

createServer(async (request, response) => {
  const name = channelOf(request.url ?? '');
  const channel = channels.get(name) ?? createChannel();
  channels.set(name, channel);
  if (request.method === 'GET') {
    channel.register(await createSession(request, response, { keepAlive: 60_000, serializer: String }));
  } else {
    request.resume();
    channel.broadcast('x', 'message', { eventId: ids.nextId() });
    response.writeHead(204).end();
  }
}).listen({ port: Number(process.env.PORT), host: '127.0.0.1', backlog: 4096 });
