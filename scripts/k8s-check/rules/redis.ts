/** The Redis we run keeps README's promise: each 204 on disk, nothing evicted, room for a rewrite, data on a volume. */
import { find, type Manifest } from '../manifests.ts';
import type { Pod } from '../pods.ts';
import { quantity } from '../quantity.ts';
import type { Rule } from '../rule.ts';

const required: Readonly<Record<string, string>> = {
  appendonly: 'yes',
  appendfsync: 'always',
  'no-appendfsync-on-rewrite': 'no',
  'aof-load-truncated': 'no',
  'maxmemory-policy': 'noeviction',
  aclfile: '/etc/redis/acl/users.acl',
  dir: '/data',
};

/** Of the container's limit: a rewrite copies the pages that change under it, and connections have buffers. */
const MEMORY_SHARE_MAX = 0.7;

export const redis: Rule = ({ manifests, pods }) =>
  pods
    .filter(({ labels }) => labels['app.kubernetes.io/component'] === 'redis')
    .flatMap((pod) => problems(pod, manifests).map((problem) => `${pod.title}: ${problem}`));

function problems(pod: Pod, manifests: readonly Manifest[]): string[] {
  const directives = directivesOf(pod, manifests);
  const wrong = Object.entries(required)
    .filter(([name, value]) => directives.get(name) !== value)
    .map(([name, value]) => `redis.conf: ${name} is ${directives.get(name)}, not ${value}`);
  const limit = quantity(pod.spec.containers[0]?.resources?.limits?.memory);
  const most = bytes(directives.get('maxmemory'));
  if (!(most <= limit * MEMORY_SHARE_MAX)) wrong.push(`redis.conf: maxmemory is over ${MEMORY_SHARE_MAX} of the limit`);
  const claims = (pod.workload.spec as { volumeClaimTemplates?: readonly unknown[] }).volumeClaimTemplates ?? [];
  if (claims.length === 0) wrong.push('no volume of its own: a restart loses everything');
  return wrong;
}

function directivesOf({ spec }: Pod, manifests: readonly Manifest[]): Map<string, string> {
  const names = (spec.volumes ?? []).flatMap(({ configMap }) => (configMap ? [configMap.name] : []));
  const text = names.map(
    (name) => (find(manifests, 'ConfigMap', name)?.data as Record<string, string>)?.['redis.conf'] ?? '',
  );
  return new Map(
    text
      .join('\n')
      .split('\n')
      .filter((line) => /^\w/.test(line))
      .map((line) => line.split(/\s+(.*)/) as [string, string]),
  );
}

/** Redis' own units: `1gb` is 2³⁰. */
function bytes(text = ''): number {
  const [, number, unit] = /^(\d+)(kb|mb|gb)?$/.exec(text) ?? [];
  return Number(number) * { kb: 2 ** 10, mb: 2 ** 20, gb: 2 ** 30 }[unit ?? '']! || Number.NaN;
}
