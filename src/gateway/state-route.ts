/** `GET /c/{channel}/state`: the folded value of a channel, and the position it belongs to (P24). */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { parseCursor } from '../domain/cursor.ts';
import type { Engine } from '../engine/engine.ts';
import { parameter } from '../http/query.ts';
import { parseChannel } from './request.ts';
import { stateSchema } from './schemas.ts';
import { viewState } from './snapshot.ts';

type StateRequest = FastifyRequest<{ Params: { channel: string }; Querystring: Record<string, unknown> }>;

export function stateRoute(app: FastifyInstance, engine: Engine): void {
  app.get('/c/:channel/state', { schema: stateSchema }, async (request: StateRequest, reply) => {
    const channel = parseChannel(request.params.channel);
    const since = parseCursor(parameter(request, 'since') ?? '', 1);
    const snapshot = await engine.readState(channel);
    const isPart = since?.prefix === snapshot.epoch && since.offsets[0]! <= snapshot.offset;
    const view = viewState(channel, snapshot, isPart ? since.offsets[0] : undefined);
    const etag = `"${view.cursor}"`;
    void reply.header('cache-control', 'no-store').header('etag', etag);
    if (request.headers['if-none-match'] === etag) return reply.code(304).send();
    return reply.send({ cursor: view.cursor, complete: !isPart, state: view.state, b64: view.b64 });
  });
}
