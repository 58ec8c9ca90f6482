/** Principals: the bearer of a token, who brings none, and everybody where nobody is asked. */

import { nameOf } from '../domain/change.ts';
import type { Channel } from '../domain/channel.ts';
import { Problem } from '../errors.ts';
import type { Identity, Principal, Right } from './access.ts';
import type { Grants } from './grants.ts';
import { expiredToken } from './refused-token.ts';

const UNAUTHENTICATED = 'Send Authorization: Bearer and a token that grants this.';
const FORBIDDEN = 'The token grants this for each of the channels that are asked for.';
const FORBIDDEN_NAME = 'The name in from, in front of its dot, is one of those of the token.';

/** RFC 6750 §3: without an error where nothing was brought. */
export const CHALLENGE = { 'www-authenticate': 'Bearer' } as const;
const SCOPE_CHALLENGE = { 'www-authenticate': 'Bearer error="insufficient_scope"' } as const;

export function unauthenticated(): Problem {
  return new Problem('unauthenticated', UNAUTHENTICATED, CHALLENGE);
}

const anybody: Identity = { sub: null, expiresMs: Number.POSITIVE_INFINITY };

/** Whoever it is, where everybody may do everything. */
export const everybody: Principal = {
  identity: anybody,
  refusal: () => undefined,
  changeRefusal: () => undefined,
  expired: expiredToken,
};

export interface PrincipalInit {
  readonly identity: Identity;
  readonly grants: Grants;
  /** What may be in front of the dot of `from`. */
  readonly names: ReadonlySet<string>;
  /** It was the operator's backend that has said so, and no token. */
  readonly isAsked?: boolean;
}

/** The bearer of a token; or, without a `sub`, who brings none and may do what all may. */
export class GrantedPrincipal implements Principal {
  readonly identity: Identity;
  readonly #grants: Grants;
  readonly #names: ReadonlySet<string>;
  readonly #isAsked: boolean;

  /** What it was made of. */
  get init(): PrincipalInit {
    return { identity: this.identity, grants: this.#grants, names: this.#names, isAsked: this.#isAsked };
  }

  constructor({ identity, grants, names, isAsked = false }: PrincipalInit) {
    this.identity = identity;
    this.#grants = grants;
    this.#names = names;
    this.#isAsked = isAsked;
  }

  refusal(right: Right, channels: readonly Channel[]): Problem | undefined {
    const list = this.#grants[right];
    return channels.every((channel) => list.has(channel)) ? undefined : this.#refused(FORBIDDEN);
  }

  changeRefusal(channel: Channel, from: string): Problem | undefined {
    if (!this.#grants.publish.has(channel)) return this.#refused(FORBIDDEN);
    return from === '' || this.#names.has(nameOf(from)) ? undefined : this.#refused(FORBIDDEN_NAME);
  }

  expired(): Problem {
    return expiredToken();
  }

  #refused(sentence: string): Problem {
    return this.identity.sub === null ? unauthenticated() : new Problem('forbidden', sentence, SCOPE_CHALLENGE);
  }
}

/** Who brings no token, and may do this. */
export function publicPrincipal(grants: Grants): Principal {
  const names = new Set(grants.name === undefined ? grants.names : [grants.name, ...grants.names]);
  return new GrantedPrincipal({ identity: anybody, grants, names });
}
