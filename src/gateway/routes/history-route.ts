/** `GET /c/{channel}/history`: what the store keeps of a channel's events, page by page (P25). */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { cursorOf, parsePosition } from '../../domain/cursor.ts';
import type { Position } from '../../domain/position.ts';
import type { Engine, HistoryPage } from '../../engine/engine.ts';
import { EngineUnavailable } from '../../errors.ts';
import { parameter } from '../../http/query.ts';
import { envelopeOf } from '../formats/envelope.ts';
import { ENVELOPE_FIELDS } from '../formats/format.ts';
import { parseChannel, parseNumber } from './request.ts';
import { historyDocument } from './schemas.ts';

const LIMIT_MAX = 500;
/** Looks at a history whose oldest end moves on under the reader. */
const TRIES_MAX = 5;
const envelope = { fields: new Set(ENVELOPE_FIELDS), withChannel: false };

type HistoryRequest = FastifyRequest<{ Params: { channel: string }; Querystring: Record<string, unknown> }>;

export function historyRoute(app: FastifyInstance, engine: Engine): void {
  const { url, schema } = historyDocument;
  app.get(url, { schema }, async (request: HistoryRequest, reply: FastifyReply) => {
    const channel = parseChannel(request.params.channel);
    const limit = parseNumber('limit', parameter(request, 'limit') ?? String(LIMIT_MAX), 1, LIMIT_MAX);
    const since = parameter(request, 'since') || undefined;
    const asked = since === undefined ? undefined : parsePosition(since, channel);
    const page = asked && (await engine.readHistory(channel, asked, limit));
    const isKept = page?.kind === 'events';
    const found = isKept ? { page, after: asked!.offset } : await readOldest(engine, channel, limit);
    const { log, events } = found.page;
    const epoch = log.epoch;
    const body = events.map((event) => envelopeOf(event, channel, envelope, cursorOf(channel, { epoch, ...event })));
    const offset = events.at(-1)?.offset ?? found.after;
    const head = {
      cursor: cursorOf(channel, { epoch, offset }),
      status: since === undefined || isKept ? 'resumed' : 'reset',
    };
    const more = events.length > 0 && offset < log.head;
    void reply.type('application/json').header('cache-control', 'no-store');
    return reply.send(`${JSON.stringify(head).slice(0, -1)},"events":[${body.join(',')}],"more":${more}}`);
  });
}

/** From the oldest event that is kept; looks again when that is trimmed between the two reads. */
async function readOldest(
  engine: Engine,
  channel: string,
  limit: number,
): Promise<{ page: HistoryPage & { kind: 'events' }; after: number }> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const { log } = await engine.readHistory(channel, null, 0);
    const position: Position = { epoch: log.epoch, offset: log.oldest - 1 };
    const page = await engine.readHistory(channel, position, limit);
    if (page.kind === 'events') return { page, after: position.offset };
  }
  throw new EngineUnavailable('the history is trimmed faster than it can be read');
}
