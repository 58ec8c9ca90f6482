/** A pod is given no secret that only others need: it is its own role's user of Redis, and only who has a door verifies tokens. */
import type { Container } from '../pods.ts';
import type { Rule } from '../rule.ts';
import { ourContainers } from './environment.ts';

/** What verifies tokens, and with a shared secret also makes them. */
const OF_TOKENS = /^JWT_SECRET$/;

export const secrets: Rule = ({ pods }) =>
  ourContainers(pods).flatMap(([pod, container]) => problems(container).map((problem) => `${pod.title}: ${problem}`));

function problems({ env = [], envFrom = [] }: Container): string[] {
  const roles = env.find(({ name }) => name === 'ROLES')?.value ?? 'all';
  const redis = env.find(({ name }) => name === 'REDIS_URL')?.valueFrom?.secretKeyRef;
  const wanted = `REDIS_URL_${roles.toUpperCase()}`;
  const found: string[] = [];
  if (redis !== undefined && redis.key !== wanted) found.push(`REDIS_URL is ${redis.key}, and not ${wanted}`);
  if (roles === 'merger' && env.some(({ name }) => OF_TOKENS.test(name)))
    found.push('a merger has no use for JWT_SECRET');
  if (envFrom.some(({ secretRef }) => secretRef)) found.push('envFrom has all of a Secret, also what others need');
  for (const { name, value } of env) {
    if (OF_TOKENS.test(name) && value !== undefined) found.push(`${name} is in the manifest for all to read`);
  }
  return found;
}
