/** The same fastify as ours, with the same raw body, that stores nothing: what a POST costs before it is worth anything. */
import fastify from 'fastify';

const app = fastify({ bodyLimit: 1024, keepAliveTimeout: 75_000 });
app.removeAllContentTypeParsers();
app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
app.post('/c/:channel', (_request, reply) => void reply.code(204).send());
await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT), backlog: 4096 });
