/**
 * A pod is given no secret that only others need: it is its own role's user of Redis, only who has a door verifies tokens, and one role, which
 * somebody has to be, revokes them.
 */
import { environmentOf } from '../environment.ts';
import type { Container } from '../pods.ts';
import type { Installation, Rule } from '../rule.ts';
import { ourContainers } from './environment.ts';

/** What verifies tokens, and with a shared secret also makes them. */
const OF_TOKENS = /^JWT_SECRET$/;
/** What revokes them. One role is enough, since all hear of it. */
const OF_OPERATORS = 'ADMIN_KEY';
const REVOKING_ROLE = 'bucket';

export const secrets: Rule = (whole) => [
  ...ourContainers(whole.pods).flatMap(([pod, container]) =>
    problems(container).map((problem) => `${pod.title}: ${problem}`),
  ),
  ...revoking(whole),
];

/** Where tokens are asked for, somebody can end one. */
function revoking({ pods, manifests, isWhole }: Installation): string[] {
  const all = ourContainers(pods).map(([, container]) => environmentOf(container, manifests));
  const isAsked = all.some((env) => env.get('AUTH') === 'jwt');
  return isWhole && isAsked && !all.some((env) => env.has(OF_OPERATORS))
    ? [`no pod has ${OF_OPERATORS}: a stolen token is good until its end`]
    : [];
}

function problems({ env = [], envFrom = [] }: Container): string[] {
  const roles = env.find(({ name }) => name === 'ROLES')?.value ?? 'all';
  const redis = env.find(({ name }) => name === 'REDIS_URL')?.valueFrom?.secretKeyRef;
  const wanted = `REDIS_URL_${roles.toUpperCase()}`;
  const found: string[] = [];
  if (redis !== undefined && redis.key !== wanted) found.push(`REDIS_URL is ${redis.key}, and not ${wanted}`);
  if (roles === 'merger' && env.some(({ name }) => OF_TOKENS.test(name)))
    found.push('a merger has no use for JWT_SECRET');
  if (roles !== REVOKING_ROLE && env.some(({ name }) => name === OF_OPERATORS))
    found.push(`${OF_OPERATORS} is for a ${REVOKING_ROLE}: one role is enough`);
  if (envFrom.some(({ secretRef }) => secretRef)) found.push('envFrom has all of a Secret, also what others need');
  for (const { name, value } of env) {
    if ((OF_TOKENS.test(name) || name === OF_OPERATORS) && value !== undefined)
      found.push(`${name} is in the manifest for all to read`);
  }
  return found;
}
