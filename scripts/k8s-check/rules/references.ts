/** What a pod names is there: ConfigMaps and their keys always, its class of priority, Secrets unless their owner makes them. */
import { environmentOf, secretsOf } from '../environment.ts';
import { find, type Manifest } from '../manifests.ts';
import { containersOf, type Pod } from '../pods.ts';
import type { Rule } from '../rule.ts';

/** Made by the operator, not by us: k8s/README.md says how. With the keys each must have. */
export const ownedSecrets: Readonly<Record<string, readonly string[]>> = {
  'smallchange-redis': [
    ...['REDIS_URL_BUCKET', 'REDIS_URL_GATEWAY', 'REDIS_URL_MERGER', 'REDIS_URL_BACKUP', 'users.acl'],
    // With components/archive.
    'REDIS_URL_ARCHIVER',
    // With components/redis-sentinel, and with components/redis-operator.
    ...['REDIS_PASSWORD_REPLICA', 'REDIS_PASSWORD_SENTINEL', 'REDIS_PASSWORD'],
  ],
  'smallchange-tokens': ['JWT_SECRET'],
  'smallchange-admin': ['ADMIN_KEY'],
  'smallchange-archive': ['DATABASE_URL'],
  'smallchange-tls': ['tls.crt', 'tls.key'],
};

export const references: Rule = ({ manifests, pods }) =>
  pods.flatMap((pod) =>
    [...fromContainers(pod, manifests), ...fromVolumes(pod, manifests), ...priority(pod, manifests)].map(
      (problem) => `${pod.title}: ${problem}`,
    ),
  );

function fromContainers(pod: Pod, manifests: readonly Manifest[]): string[] {
  return containersOf(pod).flatMap((container) => {
    const sources = container.envFrom ?? [];
    const maps = sources.flatMap(({ configMapRef }) => (configMapRef ? [configMapRef.name] : []));
    const keys = (container.env ?? []).flatMap(({ valueFrom }) => {
      const ref = valueFrom?.secretKeyRef;
      return ref === undefined ? [] : secretKey(ref.name, ref.key ?? '', manifests);
    });
    const empty = Array.from(environmentOf(container, manifests)).filter(([, value]) => value === '');
    return [
      ...maps.flatMap((name) => configMap(name, manifests)),
      ...keys,
      ...empty.map(([name]) => `${name} comes from nowhere`),
    ];
  });
}

function fromVolumes({ spec }: Pod, manifests: readonly Manifest[]): string[] {
  const names = new Set((spec.volumes ?? []).map(({ name }) => name));
  const mounted = spec.containers.flatMap(
    (container) => (container as { volumeMounts?: { name: string }[] }).volumeMounts ?? [],
  );
  const claimed = manifests.flatMap(
    ({ spec: own }) =>
      (own as { volumeClaimTemplates?: Manifest[] } | undefined)?.volumeClaimTemplates?.map(
        ({ metadata }) => metadata.name,
      ) ?? [],
  );
  return [
    ...mounted.filter(({ name }) => !names.has(name) && !claimed.includes(name)).map(({ name }) => `no volume ${name}`),
    ...(spec.volumes ?? []).flatMap((volume) => [
      ...(volume.configMap ? configMap(volume.configMap.name, manifests) : []),
      ...(volume.secret ? secret(volume.secret.secretName, manifests) : []),
      ...(volume.persistentVolumeClaim ? claim(volume.persistentVolumeClaim.claimName, manifests) : []),
    ]),
  ];
}

/** Those of the system are in every cluster. */
function priority({ spec: { priorityClassName: name } }: Pod, manifests: readonly Manifest[]): string[] {
  if (name === undefined || name.startsWith('system-') || find(manifests, 'PriorityClass', name)) return [];
  return [`there is no PriorityClass/${name}`];
}

/** One by itself, or of a StatefulSet's pod: `<template>-<set>-<number>`. */
function claim(name: string, manifests: readonly Manifest[]): string[] {
  const isOfSet = manifests.some(({ metadata, spec }) =>
    (spec as { volumeClaimTemplates?: Manifest[] } | undefined)?.volumeClaimTemplates?.some(
      (template) => name.replace(/-\d+$/, '') === `${template.metadata.name}-${metadata.name}`,
    ),
  );
  return isOfSet || find(manifests, 'PersistentVolumeClaim', name) ? [] : [`there is no PersistentVolumeClaim/${name}`];
}

function configMap(name: string, manifests: readonly Manifest[]): string[] {
  return find(manifests, 'ConfigMap', name) ? [] : [`there is no ConfigMap/${name}`];
}

function secret(name: string, manifests: readonly Manifest[]): string[] {
  return find(manifests, 'Secret', name) || name in ownedSecrets ? [] : [`there is no Secret/${name}`];
}

function secretKey(name: string, key: string, manifests: readonly Manifest[]): string[] {
  if (secret(name, manifests).length > 0) return secret(name, manifests);
  const keys = find(manifests, 'Secret', name) ? Object.keys(secretsOf(manifests, name)) : ownedSecrets[name]!;
  return keys.includes(key) ? [] : [`Secret/${name} has no ${key}`];
}
