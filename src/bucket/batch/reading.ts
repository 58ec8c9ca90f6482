/**
 * How much of a body is read: a change's bytes, or a batch's. Batches that are being received weigh something before they are changes that
 * wait, so all of them together have a bound.
 */
import { type Readable, Transform } from 'node:stream';
import type { FastifyRequest, preHandlerHookHandler, preParsingHookHandler } from 'fastify';
import { Problem } from '../../errors.ts';
import { flag } from '../../http/query.ts';
import { type BatchLimits, largeBatch } from './batch.ts';

/** As much as may wait for the store. */
const RECEIVED_MAX_BYTES = 64 << 20;
/** A longer body is not read away to keep its connection. */
const KEPT_MAX_BYTES = 1 << 20;

/** To be the route's `preParsing`, with a `bodyLimit` not below either. */
export function limitBodies(limits: BatchLimits): preParsingHookHandler {
  let received = 0;
  return (request, reply, payload, done) => {
    try {
      const isBatch = isBatchAsked(request);
      const declared = declaredBytes(request);
      const max = isBatch ? limits.maxBytes : limits.maxChangeBytes;
      if (declared !== undefined && declared > max) throw tooLarge(limits, isBatch, declared > KEPT_MAX_BYTES);
      if (isBatch) {
        const bytes = declared ?? max;
        if (received + bytes > RECEIVED_MAX_BYTES) {
          throw new Problem('overloaded', 'Too many batches are being received: send the same again a little later.');
        }
        received += bytes;
        reply.raw.once('close', () => {
          received -= bytes;
        });
      }
      done(null, declared === undefined ? upTo(max, payload, () => tooLarge(limits, isBatch, true)) : payload);
    } catch (error) {
      done(error as Error);
    }
  };
}

/** Above that it takes some milliseconds to read a batch: one in a turn of the event loop, however many have come. */
const EASY_BYTES = 64 << 10;

/** To be the route's `preHandler`. */
export function oneLargeATurn(): preHandlerHookHandler {
  const waiting: (() => void)[] = [];
  const next = () => {
    waiting.shift()!();
    if (waiting.length > 0) setImmediate(next);
  };
  return (request, _reply, done) => {
    const { body } = request;
    if (!Buffer.isBuffer(body) || body.length <= EASY_BYTES || !isBatchAsked(request)) return done();
    waiting.push(done);
    if (waiting.length === 1) setImmediate(next);
  };
}

export function isBatchAsked(request: FastifyRequest): boolean {
  return flag(request, 'batch');
}

/** Undefined where only its end tells. */
function declaredBytes({ headers }: FastifyRequest): number | undefined {
  return headers['transfer-encoding'] === undefined ? Number(headers['content-length'] ?? 0) : undefined;
}

function tooLarge(limits: BatchLimits, isBatch: boolean, closes: boolean): Problem {
  const headers: Record<string, string> = closes ? { connection: 'close' } : {};
  if (isBatch) return largeBatch(limits, headers);
  return new Problem('change_too_large', `A change is at most ${limits.maxChangeBytes} bytes.`, headers);
}

function upTo(max: number, payload: Readable, excess: () => Problem): Readable {
  let bytes = 0;
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes > max) done(excess());
      else done(null, chunk);
    },
  });
  payload.once('error', (error) => counted.destroy(error));
  return payload.pipe(counted);
}
