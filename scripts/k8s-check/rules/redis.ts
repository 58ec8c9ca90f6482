/** The Redis we run keeps README's promise: each 204 on disk, nothing evicted, room for a rewrite, data on a volume. */
import type { Manifest } from '../manifests.ts';
import type { Pod } from '../pods.ts';
import { quantity } from '../quantity.ts';
import { bytes, directivesIn, durable, fileOf, MEMORY_SHARE_MAX, otherThan } from '../redis-conf.ts';
import type { Rule } from '../rule.ts';

const required = { ...durable, aclfile: '/etc/redis/acl/users.acl', dir: '/data' };

export const redis: Rule = ({ manifests, pods }) =>
  pods
    .filter(({ labels }) => labels['app.kubernetes.io/component'] === 'redis')
    .flatMap((pod) => problems(pod, manifests).map((problem) => `${pod.title}: ${problem}`));

function problems(pod: Pod, manifests: readonly Manifest[]): string[] {
  const directives = directivesIn(fileOf(pod, manifests, 'redis.conf'));
  const wrong = otherThan(required, directives, 'redis.conf');
  const limit = quantity(pod.spec.containers[0]?.resources?.limits?.memory);
  const most = bytes(directives.get('maxmemory'));
  if (!(most <= limit * MEMORY_SHARE_MAX)) wrong.push(`redis.conf: maxmemory is over ${MEMORY_SHARE_MAX} of the limit`);
  const claims = (pod.workload.spec as { volumeClaimTemplates?: readonly unknown[] }).volumeClaimTemplates ?? [];
  if (claims.length === 0) wrong.push('no volume of its own: a restart loses everything');
  return wrong;
}
