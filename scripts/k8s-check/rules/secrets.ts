/**
 * A pod is given no secret that only others need: it is its own role's user of Redis, only who has a door verifies tokens, and one role, which
 * somebody has to be, revokes them; and only who writes or reads the archive is let into its database.
 */
import { environmentOf } from '../environment.ts';
import type { Container } from '../pods.ts';
import type { Installation, Rule } from '../rule.ts';
import { ourContainers } from './environment.ts';

/** What verifies tokens, and with a shared secret also makes them. */
const OF_TOKENS = 'JWT_SECRET';
const WITHOUT_DOOR = ['merger', 'archiver'];
/** What revokes them. One role is enough, since all hear of it. */
const OF_OPERATORS = 'ADMIN_KEY';
const REVOKING_ROLE = 'bucket';
/** What has every event there ever was. */
const OF_ARCHIVE = 'DATABASE_URL';
const WITHOUT_ARCHIVE = ['bucket'];

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
  const has = (secret: string) => env.some(({ name }) => name === secret);
  if (WITHOUT_DOOR.includes(roles) && has(OF_TOKENS)) found.push(`role ${roles} has no use for ${OF_TOKENS}`);
  if (WITHOUT_ARCHIVE.includes(roles) && has(OF_ARCHIVE)) found.push(`role ${roles} has no use for ${OF_ARCHIVE}`);
  if (roles !== REVOKING_ROLE && has(OF_OPERATORS))
    found.push(`${OF_OPERATORS} is for a ${REVOKING_ROLE}: one role is enough`);
  if (envFrom.some(({ secretRef }) => secretRef)) found.push('envFrom has all of a Secret, also what others need');
  for (const { name, value } of env) {
    if ([OF_TOKENS, OF_OPERATORS, OF_ARCHIVE].includes(name) && value !== undefined)
      found.push(`${name} is in the manifest for all to read`);
  }
  return found;
}
