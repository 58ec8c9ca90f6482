/**
 * The change-bucket: POST and PUT `/c/{channel}`. Stateless; 204 means that the change is in the inbox (P5).
 *
 * The answer waits for the engine's. Away, slow or full: 503, which tells the publisher to send the same again; never
 * a 204 from memory.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { FROM_PATTERN } from '../domain/change.ts';
import { CHANNEL_PATTERN } from '../domain/channel.ts';
import type { AppendOutcome } from '../engine/engine.ts';
import { Problem } from '../errors.ts';
import type { RouteDocument } from '../http/openapi.ts';
import { parameter } from '../http/query.ts';
import type { PlainHandler } from '../http/shortcut.ts';
import type { Logger } from '../log.ts';
import { acceptChange } from './accept.ts';
import { type BatcherDeps, createBatcher } from './batcher.ts';
import { readPlainChange } from './plain-change.ts';

export interface BucketDeps extends BatcherDeps {
  readonly log: Logger;
  readonly maxChangeBytes: number;
}

export interface Bucket {
  routes(app: FastifyInstance): void;
  /** The same for plain requests, as nearly all are. */
  readonly plainly: PlainHandler;
  /** Resolves when no change waits for its answer any more. */
  quiesce(): Promise<void>;
}

const schema = {
  summary: 'Send one change',
  description: 'The body is the change, raw, whatever its content type. PUT needs from and seq.',
  params: { type: 'object', properties: { channel: { type: 'string', pattern: CHANNEL_PATTERN } } },
  querystring: {
    type: 'object',
    properties: {
      from: { type: 'string', pattern: FROM_PATTERN, description: 'Publisher: <name>.<nonce>, the nonce a secret' },
      seq: { type: 'integer', minimum: 1, description: '1, 2, 3 … per publisher and channel: makes it safe to repeat' },
    },
  },
  response: {
    204: { type: 'null', description: 'Accepted: in the inbox for good' },
    403: { $ref: 'problem#', description: 'Sent by a page of another site, or to a Host that is not ours' },
    '4xx': { $ref: 'problem#', description: 'Not accepted by this request' },
    '5xx': { $ref: 'problem#', description: 'Unknown: send the same again, after Retry-After where it is given' },
  },
} as const;

/** As it is described, also by those that do not serve it. */
export const changeRoute = { method: ['POST', 'PUT'], url: '/c/:channel', schema } satisfies RouteDocument;

type ChangeRequest = FastifyRequest<{ Params: { channel: string }; Querystring: Record<string, unknown> }>;

export function createBucket(deps: BucketDeps): Bucket {
  const { clock, log, maxChangeBytes } = deps;
  const batcher = createBatcher(deps);

  function receive(request: ChangeRequest, reply: FastifyReply): void {
    // A body that came after its 408, or whose client has gone: nobody would learn that it was accepted.
    if (!request.raw.socket.writable) throw new Problem('bad_request', 'The request was not sent in time.');
    const change = acceptChange(
      {
        method: request.method,
        channel: request.params.channel,
        from: parameter(request, 'from') ?? header(request, 'change-from'),
        seq: parameter(request, 'seq') ?? header(request, 'change-seq'),
        body: request.body,
        traceparent: header(request, 'traceparent'),
      },
      maxChangeBytes,
      clock.wallMs(),
    );
    batcher.append(change, (error, outcome) => {
      const failure = error ?? failureOf(outcome);
      if (failure !== null) {
        reply.send(failure);
      } else {
        if (change.trace !== undefined) log.debug({ trace: change.trace, channel: change.channel }, 'change accepted');
        leanly(reply).code(204).send();
      }
    });
  }

  const plainly: PlainHandler = (request, answer) => {
    const change = readPlainChange(request, maxChangeBytes, clock.wallMs());
    if (change === undefined) return false;
    batcher.append(change, (error, outcome) => {
      const failure = error ?? failureOf(outcome);
      if (failure !== null) answer.failed(failure);
      else answer.noContent();
    });
    return true;
  };

  return {
    routes(app) {
      app.route({ ...changeRoute, handler: receive });
    },
    plainly,
    quiesce: () => batcher.quiesce(),
  };
}

function failureOf(outcome: AppendOutcome | null): Problem | null {
  if (outcome !== 'full') return null;
  return new Problem('inbox_full', 'The merge is behind: send the same again a little later.');
}

/**
 * HTTP/1.1 keeps a connection without saying so (RFC 9112 §9.3): the two fields that say it, and for how long, are half of
 * what a 204 weighs. HTTP/1.0 has to be told, and so has a client whose connection is about to go.
 */
function leanly(reply: FastifyReply): FastifyReply {
  const { raw } = reply;
  if (raw.req.httpVersionMinor === 1 && !raw.hasHeader('connection')) raw.removeHeader('connection');
  return reply;
}

function header(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}
