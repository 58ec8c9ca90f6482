/** From the settings to access: the one place that knows what stands behind the contract. */
import type { Clock } from '../clock.ts';
import type { Config } from '../config.ts';
import type { Logger } from '../log.ts';
import type { LimitName } from '../metrics.ts';
import type { Access } from './access.ts';
import { anonymousAccess } from './anonymous.ts';
import { createBackend } from './backend.ts';
import { configuredKeys, createKeys } from './keys.ts';
import { createLimits, type LimitsConfig } from './limiter.ts';
import { publicPrincipal } from './principal.ts';
import { createRemoteKeys } from './remote-keys.ts';
import { createRevocations, type RevocationsState } from './revocations/revocations.ts';
import { createMemoryPasses } from './sessions/memory-store.ts';
import type { PassStore } from './sessions/pass-store.ts';
import { createSessionAccess } from './sessions/session-access.ts';
import { TokenCache } from './token-cache.ts';
import { createTokenComplaints } from './token-complaints.ts';
import { createTokenAccess } from './tokens.ts';
import { createVerifier } from './verifier.ts';

export type AccessConfig = LimitsConfig &
  Pick<
    Config,
    | 'auth'
    | 'jwtSecret'
    | 'jwtPublicKey'
    | 'jwksUrl'
    | 'jwtIssuer'
    | 'jwtAudience'
    | 'jwtTyp'
    | 'grantClaim'
    | 'tokenMaxLifetimeMs'
    | 'authAnonymous'
    | 'sessionMaxPerSub'
    | 'authUrl'
    | 'authForward'
  >;

export interface AccessDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** Called once for each request that is refused for having asked for too much. */
  readonly onReached?: (limit: LimitName) => void;
  /** Told twice a second of what is revoked, where something can be. */
  readonly onRevocations?: (state: RevocationsState) => void;
  /** Where the sessions are of all that ask the same store for them; without it, of this process alone. */
  readonly passes?: PassStore;
}

export function createAccess(
  config: AccessConfig,
  { clock, log, passes, onRevocations = () => undefined, onReached = () => undefined }: AccessDeps,
): Access {
  const limits = createLimits(config, { clock, onReached });
  if (config.auth !== 'jwt') return { ...anonymousAccess, limits };
  const isMade = config.jwtSecret !== null || config.jwtPublicKey !== null;
  if (isMade && config.jwtAudience === null)
    log.warn('without JWT_AUDIENCE a token that is for somebody else is taken as well');
  const cache = new TokenCache(clock);
  const remote =
    config.jwksUrl === null
      ? null
      : createRemoteKeys({ url: config.jwksUrl, clock, log, onChange: () => cache.clear() });
  remote?.warm();
  const keys = createKeys(configuredKeys(config.jwtSecret, config.jwtPublicKey), remote);
  const rules = {
    issuer: config.jwtIssuer,
    audience: config.jwtAudience,
    grantClaim: config.grantClaim,
    maxLifetimeMs: config.tokenMaxLifetimeMs,
  };
  const store = passes ?? createMemoryPasses(clock);
  const revocations = createRevocations({
    ...{ store, clock, onState: onRevocations },
    maxLifetimeMs: config.tokenMaxLifetimeMs,
  });
  const tokens = createTokenAccess({
    revocations,
    limits,
    verifier: createVerifier({ keys, rules, type: config.jwtTyp, clock }),
    cache,
    complaints: createTokenComplaints(log, clock),
    nobody: publicPrincipal(config.authAnonymous),
    goodForMs: () => keys.goodForMs(),
    wallMs: () => clock.wallMs(),
  });
  return createSessionAccess({
    tokens,
    ...{ store, clock, revocations },
    maxPerSub: config.sessionMaxPerSub,
    maxLifetimeMs: config.tokenMaxLifetimeMs,
    ...(config.authUrl !== null && {
      ask: createBackend({ url: config.authUrl, forward: config.authForward, rules, clock, log }),
    }),
  });
}
