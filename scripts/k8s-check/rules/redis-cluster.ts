/**
 * A Cluster that an operator runs keeps README's promise as our own Redis does, each primary has a replica, nodes remember who they are, and
 * our processes take it for what it is.
 */
import { environmentOf } from '../environment.ts';
import type { Manifest } from '../manifests.ts';
import { type ClusterSpec, clustersOf } from '../operator.ts';
import { quantity } from '../quantity.ts';
import { bytes, directivesIn, durable, MEMORY_SHARE_MAX, otherThan, replicated, textOf } from '../redis-conf.ts';
import type { Rule } from '../rule.ts';
import { ourContainers } from './environment.ts';
import { ownedSecrets } from './references.ts';

const FILE = 'redis-additional.conf';
const required = { ...durable, ...replicated, 'cluster-require-full-coverage': 'no' };

export const redisCluster: Rule = ({ manifests, pods }) =>
  clustersOf(manifests).flatMap(([{ metadata }, spec]) => {
    const modes = ourContainers(pods).map(([pod, each]) => ({ pod, env: environmentOf(each, manifests) }));
    return [
      ...[...kept(spec), ...nodes(spec, manifests), ...secrets(spec)].map(
        (problem) => `RedisCluster/${metadata.name}: ${problem}`,
      ),
      ...modes.flatMap(({ pod, env }) => [
        ...(env.get('REDIS_MODE') === 'cluster' ? [] : [`${pod.title}: REDIS_MODE is not cluster`]),
        ...(env.get('REDIS_WAIT_REPLICAS') === '1' ? [] : [`${pod.title}: REDIS_WAIT_REPLICAS is not 1`]),
      ]),
    ];
  });

function kept({ persistenceEnabled, storage, clusterSize, redisFollower }: ClusterSpec): string[] {
  const found: string[] = [];
  if (!persistenceEnabled || !storage?.volumeClaimTemplate?.spec) found.push('no volume: a restart loses everything');
  if (!storage?.nodeConfVolume || !storage.nodeConfVolumeClaimTemplate?.spec)
    found.push('no volume for node-conf: a node that starts anew is a stranger to its Cluster');
  if ((redisFollower?.replicas ?? clusterSize) < clusterSize) found.push('not every primary has a replica');
  return found;
}

function nodes(
  { redisLeader, redisFollower, kubernetesConfig }: ClusterSpec,
  manifests: readonly Manifest[],
): string[] {
  return Object.entries({ redisLeader, redisFollower }).flatMap(([name, of]) => {
    const directives = directivesIn(textOf(manifests, of?.redisConfig?.additionalRedisConfig ?? '', FILE));
    const found = otherThan(required, directives, FILE);
    const limit = quantity(kubernetesConfig.resources?.limits?.memory);
    if (!(bytes(directives.get('maxmemory')) <= limit * MEMORY_SHARE_MAX))
      found.push(`${FILE}: maxmemory is over ${MEMORY_SHARE_MAX} of the limit`);
    if (!of?.pdb?.enabled) found.push('no PodDisruptionBudget');
    return found.map((problem) => `${name}: ${problem}`);
  });
}

function secrets({ acl, kubernetesConfig: { redisSecret: password } }: ClusterSpec): string[] {
  const keys = (name: string | undefined) => ownedSecrets[name ?? ''] ?? [];
  const hasUsers = acl?.secret?.items?.some(
    ({ key, path }) => path === 'user.acl' && keys(acl.secret?.secretName).includes(key),
  );
  return [
    ...(hasUsers ? [] : ['acl: no user.acl, of users.acl: everybody may do everything']),
    ...(keys(password?.name).includes(password?.key ?? '') ? [] : ['redisSecret: there is no such key']),
  ];
}
