/** RedisCluster of the Redis operator of OT-CONTAINER-KIT, v1beta2 (redis-operator.opstree.dev, "CRD reference"), as far as ours says it. */
import type { Shape } from './shape.ts';

const claim: Shape = {
  fields: { metadata: 'anything', spec: 'anything' },
  required: ['spec'],
};

const node: Shape = {
  fields: {
    replicas: 'integer',
    redisConfig: { fields: { additionalRedisConfig: 'string' } },
    pdb: { fields: { enabled: 'boolean', minAvailable: 'integer', maxUnavailable: 'integer' } },
    securityContext: 'anything',
    affinity: 'anything',
    tolerations: 'anything',
    nodeSelector: 'anything',
    topologySpreadConstraints: 'anything',
    resources: 'anything',
    terminationGracePeriodSeconds: 'integer',
  },
};

export const redisCluster: Shape = {
  fields: {
    apiVersion: 'string',
    kind: 'string',
    metadata: 'anything',
    spec: {
      fields: {
        clusterSize: 'integer',
        clusterVersion: /^v\d+$/,
        persistenceEnabled: 'boolean',
        priorityClassName: 'string',
        podSecurityContext: 'anything',
        kubernetesConfig: {
          fields: {
            image: 'string',
            imagePullPolicy: /^(Always|IfNotPresent|Never)$/,
            imagePullSecrets: 'anything',
            redisSecret: { fields: { name: 'string', key: 'string' }, required: ['name', 'key'] },
            resources: 'anything',
          },
          required: ['image'],
        },
        acl: {
          fields: {
            secret: {
              fields: {
                secretName: 'string',
                items: { list: { fields: { key: 'string', path: 'string' }, required: ['key', 'path'] } },
              },
            },
          },
        },
        redisLeader: node,
        redisFollower: node,
        storage: {
          fields: {
            keepAfterDelete: 'boolean',
            volumeClaimTemplate: claim,
            nodeConfVolume: 'boolean',
            nodeConfVolumeClaimTemplate: claim,
          },
        },
      },
      required: ['clusterSize', 'kubernetesConfig'],
    },
  },
  required: ['spec'],
};
