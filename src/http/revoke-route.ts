/** `POST /admin/revoke`: ends tokens before their time (P42). For operators who have `ADMIN_KEY`; it is there only with that. */
import type { FastifyInstance } from 'fastify';
import type { RevocationDesk } from '../access/access.ts';
import { Problem } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { keyHolders } from './operator-key.ts';
import { objectIn } from './operator-wish.ts';
import { NOSNIFF } from './problem.ts';

export interface RevokeDeps {
  /** `ADMIN_KEY`. */
  readonly key: string;
  readonly revocations: RevocationDesk;
  readonly clock: { wallMs(): number };
  readonly log: Pick<Logger, 'info'>;
  readonly metrics: Pick<Metrics, 'revocations'>;
  /** As of the other operator routes (`admin.ts`). */
  readonly localOnly: boolean;
}

type Wish = Parameters<RevocationDesk['revoke']>[0];

const BODY_MAX_BYTES = 4096;
/** As tokens here may have it. */
const NAME_CHARACTERS_MAX = 255;
/** By which the clock of who asks may be ahead. One in milliseconds is refused. */
const LEEWAY_S = 30;

const BODY =
  'The body is JSON: {"jti":"…"}, or {"sub":"…"} and, if it is not now, "issuedBefore":<seconds since 1970, not to come>.';

export function revokeRoute(app: FastifyInstance, deps: RevokeDeps): void {
  const { revocations, clock, log, metrics } = deps;
  const onRequest = keyHolders(deps);

  app.post(
    '/admin/revoke',
    { config: { right: 'operator' }, schema: { hide: true }, bodyLimit: BODY_MAX_BYTES, onRequest },
    async ({ body }, reply) => {
      const wish = wishIn(body, clock.wallMs() / 1000);
      const untilMs = await revocations.revoke(wish);
      metrics.revocations.inc({ by: 'jti' in wish ? 'jti' : 'sub' });
      log.info({ ...wish, until: new Date(untilMs).toISOString() }, 'tokens are revoked');
      return reply
        .code(204)
        .headers({ 'cache-control': 'no-store', ...NOSNIFF })
        .send();
    },
  );
}

/** @throws {Problem} 400 */
function wishIn(body: unknown, nowS: number): Wish {
  const { jti, sub, issuedBefore = nowS, ...others } = objectIn(body, BODY);
  const isTime = typeof issuedBefore === 'number' && issuedBefore > 0 && issuedBefore <= nowS + LEEWAY_S;
  if (Object.keys(others).length === 0) {
    if (isName(jti) && sub === undefined && issuedBefore === nowS) return { jti };
    if (isName(sub) && jti === undefined && isTime) return { sub, beforeS: issuedBefore };
  }
  throw new Problem('bad_request', BODY);
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= NAME_CHARACTERS_MAX;
}
