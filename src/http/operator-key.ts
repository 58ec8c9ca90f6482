/** Who has `ADMIN_KEY`, where operators are: for routes that change something. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../errors.ts';
import { operatorsOnly } from './admin.ts';

export interface KeyDeps {
  /** `ADMIN_KEY`. */
  readonly key: string;
  /** As of the other operator routes (`admin.ts`). */
  readonly localOnly: boolean;
}

const KEY = 'Send Authorization: Bearer and ADMIN_KEY.';

/** To be the `onRequest` of a route. Neither how long the key is nor how much of it is right can be told from the time. */
export function keyHolders({ key, localOnly }: KeyDeps) {
  const isOperator = operatorsOnly(localOnly);
  const wanted = digestOf(`Bearer ${key}`);
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    await isOperator(request, reply);
    const { authorization = '' } = request.headers;
    if (!timingSafeEqual(digestOf(authorization.replace(/^bearer +/i, 'Bearer ')), wanted)) {
      throw new Problem('unauthenticated', KEY, { 'www-authenticate': 'Bearer' });
    }
  };
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
