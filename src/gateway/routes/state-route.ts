/** `GET /c/{channel}/state`: the folded value of a channel, and the position it belongs to (P24). */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { parsePosition } from '../../domain/cursor.ts';
import type { Position } from '../../domain/position.ts';
import type { Engine } from '../../engine/engine.ts';
import { parameter } from '../../http/query.ts';
import { parseChannel } from './request.ts';
import { stateDocument } from './schemas.ts';
import { viewState } from './snapshot.ts';

type StateRequest = FastifyRequest<{ Params: { channel: string }; Querystring: Record<string, unknown> }>;

export function stateRoute(app: FastifyInstance, engine: Engine): void {
  const { url, schema } = stateDocument;
  app.get(url, { schema }, async (request: StateRequest, reply) => {
    const channel = parseChannel(request.params.channel);
    const since = parsePosition(parameter(request, 'since') ?? '', channel);
    const snapshot = await engine.readState(channel);
    const isPart = since !== undefined && (await isOfThisLog(engine, channel, since));
    const view = viewState(channel, snapshot, isPart ? since.offset : undefined);
    const etag = `"${view.cursor}"`;
    void reply.header('cache-control', 'no-store').header('etag', etag);
    if (isNamed(etag, request.headers['if-none-match'])) return reply.code(304).send();
    return reply.send({ cursor: view.cursor, complete: !isPart, state: view.state, b64: view.b64 });
  });
}

/** Trimmed history is no matter: the state remembers when each field changed for as long as the channel is there. */
async function isOfThisLog(engine: Engine, channel: string, position: Position): Promise<boolean> {
  const page = await engine.readHistory(channel, position, 0);
  return page.kind === 'events' || page.reason === 'trimmed';
}

/** Whether `If-None-Match` names it, compared weakly (RFC 9110 §13.1.2): whoever is on the way may have made it weak. */
function isNamed(etag: string, header = ''): boolean {
  const named = header.split(',').map((part) => part.trim().replace(/^W\//, ''));
  return named.includes(etag) || named.includes('*');
}
