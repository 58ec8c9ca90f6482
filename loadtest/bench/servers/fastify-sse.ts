/** @fastify/sse: the framework's own plugin. */
import sse, { type SSEPluginOptions, type SSEReplyInterface } from '@fastify/sse';
import fastify, { type FastifyPluginAsync } from 'fastify';
import { Streams } from './streams.ts';

const streams = new Streams<SSEReplyInterface>();
const app = fastify();
// The plugin's types are made for another resolution of modules than ours.
await app.register(sse as unknown as FastifyPluginAsync<SSEPluginOptions>, {
  heartbeatInterval: 60_000,
  // By default JSON, which would write another byte than the others do.
  serializer: String,
});
app.removeAllContentTypeParsers();
app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));

app.get<{ Params: { channel: string } }>('/c/:channel/events', { sse: true }, async (request, reply) => {
  reply.sse.keepAlive();
  const remove = streams.add(request.params.channel, reply.sse);
  reply.sse.onClose(() => void remove());
  await reply.sse.send({ id: 'k3v9qa.0', event: '$sync', data: '{"status":"fresh"}' });
});
app.post<{ Params: { channel: string } }>('/c/:channel', (request, reply) => {
  const id = streams.nextId();
  for (const stream of streams.of(request.params.channel)) void stream.send({ id, data: 'x' });
  void reply.code(204).send();
});
await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT), backlog: 4096 });
