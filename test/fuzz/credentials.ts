/** Credentials for random requests: who may, who may not, and all kinds of nearly. */
import type { Access } from '../../src/access/access.ts';
import { parseGrants } from '../../src/access/grants.ts';
import { configuredKeys, createKeys } from '../../src/access/keys.ts';
import { unlimited } from '../../src/access/limiter.ts';
import { publicPrincipal } from '../../src/access/principal.ts';
import { createRevocations } from '../../src/access/revocations/revocations.ts';
import { createMemoryPasses } from '../../src/access/sessions/memory-store.ts';
import { createSessionAccess } from '../../src/access/sessions/session-access.ts';
import { TokenCache } from '../../src/access/token-cache.ts';
import { createTokenAccess } from '../../src/access/tokens.ts';
import { createVerifier } from '../../src/access/verifier.ts';
import { systemClock } from '../../src/clock.ts';
import { bearer, hs256, nowS, SECRET, token } from '../support/tokens.ts';

const everything = bearer({ publish: ['*'], name: 'a', names: ['b'] });
const room = bearer({ publish: ['room'] }, { sub: 'a' });
const cut = everything.slice(0, -1);

/** Values of `Authorization`, as they are or with something around them. */
export const credentials: readonly string[] = [
  ...Array.from({ length: 16 }, () => everything),
  ...[room, room, room, room, bearer({ publish: ['a.*', 'full'], name: 'a' })],
  ...[
    bearer({ subscribe: ['*'] }),
    bearer({}),
    bearer({ publish: ['*'] }, { exp: nowS() - 60 }),
    bearer({ publish: ['a*'] }),
  ],
  ...[`Bearer ${token({ sub: 'a' }, hs256('x'.repeat(32)))}`, cut, `${cut}${everything.endsWith('A') ? 'B' : 'A'}`],
  ...[
    everything.replace('Bearer', 'bearer'),
    everything.replace(' ', '  '),
    everything.replace(' ', '\t'),
    ` ${everything}`,
  ],
  ...[
    `${everything} `,
    `${everything}\t`,
    `${everything},`,
    `${everything}=`,
    everything.slice(7),
    `Basic ${everything}`,
  ],
  ...['', ' ', 'Bearer', 'Bearer ', 'Bearer a.b.c', 'Bearer \xe9', 'nonsense', `Bearer ${'x'.repeat(4_200)}`],
];

const store = createMemoryPasses(systemClock);

/** Sites that a browser says a request is of, and words that none says. */
export const sites: readonly string[] = [
  ...[
    ...Array.from({ length: 12 }, () => 'same-origin'),
    'none',
    'same-site',
    'cross-site',
    'Same-Origin',
    'x',
    '',
    'none ',
  ],
];

/** Values of `Cookie`: sessions that are good, nearly, or none. */
export async function openSessions(): Promise<readonly string[]> {
  const access = tokensOnly();
  const open = async (authorization: string) => {
    const principal = await access.identify(['authorization', authorization]);
    return (await access.sessions!.open(principal, undefined)).split(';', 1)[0]!;
  };
  const [all, few] = [await open(everything), await open(room)];
  const ended = await open(room);
  await access.sessions!.close(ended);
  return [
    ...Array.from({ length: 12 }, () => all),
    ...[few, `theme=dark; ${all}`, `${all}; theme=dark`, ended, `${all}; ${few}`, `${all};${all}`],
    ...[
      all.slice(0, -1),
      `${all}A`,
      `${all} `,
      `${all}\t`,
      ` ${all}`,
      `x${all}`,
      all.replace('H', 'h'),
      '__Host-sc=',
      '__Host-sc',
    ],
    ...['a=b', '', '; ;', `a="${all}"`, `__Host-sc =${all.slice(10)}`, `__Host-sc= ${all.slice(10)}`],
  ];
}

/** As with AUTH=jwt, and what nobody may do is what AUTH_ANONYMOUS says. */
export function tokensOnly(): Access {
  const nobody = parseGrants({ publish: ['a-b_c.d'] });
  if (typeof nobody === 'string') throw new Error(nobody);
  const rules = { issuer: null, audience: null, grantClaim: 'smallchange', maxLifetimeMs: 86_400_000 };
  const keys = createKeys(configuredKeys(SECRET, null), null);
  const clock = systemClock;
  const revocations = createRevocations({ store, clock, maxLifetimeMs: 86_400_000 });
  const tokens = createTokenAccess({
    limits: unlimited,
    verifier: createVerifier({ keys, rules, type: null, clock: systemClock }),
    cache: new TokenCache(systemClock),
    // By time, and so not the same on both ways.
    complaints: { refused: () => undefined },
    nobody: publicPrincipal(nobody),
    goodForMs: () => Number.POSITIVE_INFINITY,
    wallMs: () => Date.now(),
    revocations,
  });
  return createSessionAccess({ tokens, store, clock, revocations, maxPerSub: 20, maxLifetimeMs: 86_400_000 });
}
