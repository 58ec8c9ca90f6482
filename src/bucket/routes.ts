/**
 * The change-bucket: POST and PUT `/c/{channel}`. Stateless; 204 means that the change is in the inbox (P5).
 *
 * The answer waits for the engine's. Away, slow or full: 503, which tells the publisher to send the same again; never
 * a 204 from memory.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Access, Principal } from '../access/access.ts';
import type { Address } from '../access/limits.ts';
import { type Change, FROM_PATTERN } from '../domain/change.ts';
import { CHANNEL_PATTERN } from '../domain/channel.ts';
import type { AppendOutcome } from '../engine/engine.ts';
import { EngineUnavailable, Problem } from '../errors.ts';
import { type RouteDocument, refusals } from '../http/openapi.ts';
import type { PlainRequest } from '../http/plain-request.ts';
import { parameter } from '../http/query.ts';
import type { PlainAnswer, PlainHandler } from '../http/shortcut.ts';
import type { Logger } from '../log.ts';
import { acceptChange } from './accept.ts';
import { acceptBatch } from './batch/batch.ts';
import { isBatchAsked, limitBodies, oneLargeATurn } from './batch/reading.ts';
import { type BatcherDeps, createBatcher } from './batcher.ts';
import type { Settle } from './lane.ts';
import { refuseMisspelt } from './misspelt.ts';
import { readPlainChange } from './plain-change.ts';

export interface BucketDeps extends BatcherDeps {
  readonly log: Logger;
  readonly access: Access;
  readonly maxChangeBytes: number;
  readonly batchMaxChanges: number;
  readonly batchMaxBytes: number;
}

export interface Bucket {
  routes(app: FastifyInstance): void;
  /** The same for plain requests, as nearly all are. */
  readonly plainly: PlainHandler;
  /** Resolves when no change waits for its answer any more. */
  quiesce(): Promise<void>;
}

const schema = {
  summary: 'Send one change, or several',
  description:
    'The body is the change, raw, whatever its content type. PUT needs from and seq. With batch=1 it is several, as NDJSON of strings or a MessagePack array.',
  params: { type: 'object', properties: { channel: { type: 'string', pattern: CHANNEL_PATTERN } } },
  querystring: {
    type: 'object',
    properties: {
      from: { type: 'string', pattern: FROM_PATTERN, description: 'Publisher: <name>.<nonce>, the nonce a secret' },
      seq: { type: 'integer', minimum: 1, description: '1, 2, 3 … per publisher and channel: makes it safe to repeat' },
      batch: {
        type: 'string',
        enum: ['0', '1'],
        description: 'Several changes, taken whole or not at all; seq is that of the first',
      },
    },
  },
  response: {
    204: { type: 'null', description: 'Accepted: in the inbox for good' },
    ...refusals,
    429: { $ref: 'problem#', description: 'Not accepted: send the same again, after Retry-After' },
    403: {
      $ref: 'problem#',
      description: 'Not granted by the token; or sent by a page of another site, or to a Host that is not ours',
    },
    '4xx': { $ref: 'problem#', description: 'Not accepted by this request' },
    '5xx': { $ref: 'problem#', description: 'Unknown: send the same again, after Retry-After where it is given' },
  },
} as const;

/** As it is described, also by those that do not serve it. */
/** For who asks for a channel as for a file. */
const LISTEN = 'To listen, GET /c/{channel}/events.';

export const changeRoute = {
  method: ['POST', 'PUT'],
  url: '/c/:channel',
  schema,
  config: { right: 'publish' },
} satisfies RouteDocument;

type ChangeRequest = FastifyRequest<{ Params: { channel: string }; Querystring: Record<string, unknown> }>;

export function createBucket(deps: BucketDeps): Bucket {
  const { access, clock, log, maxChangeBytes, batchMaxChanges, batchMaxBytes } = deps;
  const { limits } = access;
  const batchLimits = { maxChanges: batchMaxChanges, maxBytes: batchMaxBytes, maxChangeBytes };
  const batcher = createBatcher(deps);

  /** @returns Why it may not send this one, although it may send as often. */
  function refusalOf({ channel, from }: Change, principal: Principal): Problem | undefined {
    return principal.changeRefusal(channel, from) ?? limits.channelBy(principal.identity.sub, channel);
  }

  function receive(request: ChangeRequest, reply: FastifyReply): void {
    // A body that came after its 408, or whose client has gone: nobody would learn that it was accepted.
    if (!request.raw.socket.writable) throw new Problem('bad_request', 'The request was not sent in time.');
    refuseMisspelt(request.query);
    const submitted = {
      method: request.method,
      channel: request.params.channel,
      from: parameter(request, 'from') ?? header(request, 'change-from'),
      seq: parameter(request, 'seq') ?? header(request, 'change-seq'),
      body: request.body,
      traceparent: header(request, 'traceparent'),
    };
    const nowMs = clock.wallMs();
    if (isBatchAsked(request)) {
      const changes = acceptBatch({ ...submitted, contentType: contentType(request) }, batchLimits, nowMs);
      const settle = admitted(request, reply, changes[0]!, changes.length);
      // It counts as what it brings, not as one.
      limits.charge(request.principal!.identity.sub, request.address, changes.length - 1);
      batcher.appendWhole(changes, settle);
    } else {
      const change = acceptChange(submitted, maxChangeBytes, nowMs);
      batcher.append(change, admitted(request, reply, change, 1));
    }
  }

  /** @returns What answers. @throws {Problem} where who asks may not send such a change. */
  function admitted(request: ChangeRequest, reply: FastifyReply, change: Change, count: number): Settle {
    const { channel, trace } = change;
    const refusal = refusalOf(change, request.principal!);
    if (refusal !== undefined) throw refusal;
    return (error, outcome) => {
      const failure = error ?? failureOf(outcome);
      if (failure !== null) {
        reply.send(failure);
      } else {
        if (trace !== undefined) log.debug({ trace, channel, ...(count > 1 && { count }) }, 'change accepted');
        leanly(reply).code(204).send();
      }
    };
  }

  function accept(change: Change, principal: Principal, answer: PlainAnswer): void {
    const refusal = limits.postBy(principal.identity.sub) ?? refusalOf(change, principal);
    if (refusal !== undefined) {
      answer.failed(refusal);
      return;
    }
    batcher.append(change, (error, outcome) => {
      const failure = error ?? failureOf(outcome);
      if (failure !== null) answer.failed(failure);
      else answer.noContent();
    });
  }

  async function identified(
    change: Change,
    fields: readonly string[],
    address: Address,
    answer: PlainAnswer,
  ): Promise<void> {
    try {
      accept(change, await access.identify(fields, address), answer);
    } catch (error) {
      answer.failed(error as Error);
    }
  }

  const plainly: PlainHandler = (request, answer, chunk) => {
    const nowMs = clock.wallMs();
    const change = readPlainChange(request, maxChangeBytes, nowMs);
    if (change === undefined) return false;
    const { authorizationStart: start, authorizationEnd: end, cookieStart, cookieEnd } = request;
    const address = answer.from(request, chunk);
    const tooMany = limits.postFrom(address);
    if (tooMany !== undefined) {
      answer.failed(tooMany);
      return true;
    }
    const principal = access.recall(chunk, start, end, nowMs, cookieStart, cookieEnd);
    if (principal === undefined) void identified(change, credentialOf(request, chunk), address, answer);
    else accept(change, principal, answer);
    return true;
  };

  return {
    routes(app) {
      app.route({
        ...changeRoute,
        config: { ...changeRoute.config, hint: LISTEN },
        bodyLimit: Math.max(maxChangeBytes, batchMaxBytes),
        preParsing: limitBodies(batchLimits),
        handler: receive,
        preHandler: oneLargeATurn(),
      });
    },
    plainly,
    quiesce: () => batcher.quiesce(),
  };
}

/** Of who brings both it is the first that counts. */
function credentialOf(request: PlainRequest, chunk: Buffer): readonly string[] {
  const { authorizationStart: start, authorizationEnd: end, cookieStart, cookieEnd } = request;
  return start > 0
    ? ['authorization', chunk.toString('latin1', start, end)]
    : ['cookie', chunk.toString('latin1', cookieStart, cookieEnd)];
}

function failureOf(outcome: AppendOutcome | null): Error | null {
  switch (outcome) {
    case 'full':
      return new Problem('inbox_full', 'The merge is behind: send the same again a little later.');
    case 'unknown':
      return new EngineUnavailable('its shard does not answer');
    default:
      return null;
  }
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

/** As it came: what the body is, is asked of a batch only, and `http/body.ts` takes it away. */
function contentType({ raw: { rawHeaders } }: FastifyRequest): string | undefined {
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]!.toLowerCase() === 'content-type') return rawHeaders[i + 1];
  }
  return undefined;
}
