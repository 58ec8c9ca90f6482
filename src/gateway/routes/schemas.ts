/**
 * The gateway's routes as OpenAPI describes them, also in processes that do not serve them. Documentation: what they say is
 * enforced by `request.ts`.
 */
import { CHANNEL_PATTERN } from '../../domain/channel.ts';
import { type RouteDocument, refusals } from '../../http/openapi.ts';
import { CURSOR_FORMS, ENVELOPE_FIELDS, HEARTBEATS } from '../formats/format.ts';

const problem = { $ref: 'problem#' } as const;
const channel = { type: 'object', properties: { channel: { type: 'string', pattern: CHANNEL_PATTERN } } } as const;
const cursor = { type: 'string', description: 'Opaque: a position to come back to' } as const;
const flag = { type: 'string', enum: ['0', '1'] } as const;

const envelope = {
  type: 'object',
  properties: {
    id: cursor,
    channel: { type: 'string' },
    from: { type: 'string', description: 'What is shown of the publisher: <name>~<tag>, the tag of 8 characters' },
    seq: { type: 'integer' },
    at: { type: 'integer', description: 'When it was accepted, milliseconds since 1970' },
    data: { type: 'string', description: 'The change, when it is clean text' },
    b64: { type: 'string', description: 'The change in base64, when it is not' },
    erased: { type: 'boolean', description: 'True where there is no change any more, and no publisher (P43)' },
  },
} as const;

const page = {
  description: 'Events, oldest first',
  type: 'object',
  properties: {
    cursor,
    status: { type: 'string', enum: ['fresh', 'resumed', 'reset'] },
    events: { type: 'array', items: envelope },
    more: { type: 'boolean' },
  },
} as const;

const eventsSchema = {
  summary: 'Receive events: as a stream, or as a poll',
  description: 'Up to 16 channels, separated by commas. SSE unless format or Accept say otherwise.',
  params: { type: 'object', properties: { channels: { type: 'string' } } },
  querystring: {
    type: 'object',
    properties: {
      format: { type: 'string', enum: ['sse', 'ndjson', 'json', 'raw'] },
      since: { type: 'string', description: 'A cursor, earliest, now, or a duration such as 10m' },
      limit: { type: 'integer', minimum: 1, maximum: 10_000, description: 'Begin with the newest so many events' },
      lastEventId: { type: 'string', description: 'A cursor, from who cannot send Last-Event-ID; goes before since' },
      with: { type: 'string', description: `Comma list of ${ENVELOPE_FIELDS.join(', ')}` },
      snapshot: { ...flag, description: 'Begin with the state' },
      conflate: { type: 'string', pattern: '^[0-9]+ms$', description: 'At most one frame per publisher in this time' },
      wait: { type: 'integer', minimum: 1, maximum: 25, description: 'Poll only: seconds to wait for an event' },
      cursors: {
        type: 'string',
        enum: CURSOR_FORMS,
        description: 'Of several channels: joined ones are good for others too',
      },
      heartbeat: { type: 'string', enum: HEARTBEATS, description: 'Stream only: silence as a comment, or as $beat' },
      probe: { ...flag, description: 'Stream only: $probe at once and 300 ms later' },
      strict: { ...flag, description: '503 instead of a stream that only says goodbye' },
    },
  },
  headers: { type: 'object', properties: { 'last-event-id': cursor } },
  response: { 200: page, ...refusals, '4xx': problem },
} as const;

const stateSchema = {
  summary: 'The folded value of a channel',
  params: channel,
  querystring: {
    type: 'object',
    properties: { since: cursor, fresh: { ...flag, description: 'Wait for all that was accepted before' } },
  },
  response: {
    200: {
      description: 'Fields that are text under state, others in base64 under b64',
      type: 'object',
      properties: {
        cursor,
        complete: { type: 'boolean', description: 'False: only fields changed after since; a deleted one is null' },
        state: { type: 'object', additionalProperties: { type: ['string', 'null'] } },
        b64: { type: 'object', additionalProperties: { type: 'string' } },
      },
    },
    ...refusals,
    '4xx': problem,
  },
} as const;

const historySchema = {
  summary: 'What is kept of the events of a channel',
  params: channel,
  querystring: {
    type: 'object',
    properties: {
      since: { type: 'string', description: 'A cursor, earliest, or a duration such as 10m' },
      limit: { type: 'integer', minimum: 1, maximum: 500 },
    },
  },
  response: { 200: page, ...refusals, '4xx': problem },
} as const;

export const eventsDocument = {
  method: 'GET',
  url: '/c/:channels/events',
  schema: eventsSchema,
  config: { right: 'subscribe' },
} satisfies RouteDocument;
export const stateDocument = {
  method: 'GET',
  url: '/c/:channel/state',
  schema: stateSchema,
  config: { right: 'subscribe' },
} satisfies RouteDocument;
export const historyDocument = {
  method: 'GET',
  url: '/c/:channel/history',
  schema: historySchema,
  config: { right: 'history' },
} satisfies RouteDocument;
export const gatewayDocuments: readonly RouteDocument[] = [eventsDocument, stateDocument, historyDocument];
