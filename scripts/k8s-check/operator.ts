/**
 * The nodes of a Cluster that an operator makes of a RedisCluster (redis.redis.opstreelabs.in), as far as others have to do with them:
 * two StatefulSets, with the labels of the object itself. Source: its documentation and `internal/k8sutils` of its code.
 */
import { type Labels, type Manifest, ofKind, titleOf } from './manifests.ts';
import type { Pod } from './pods.ts';

interface Nodes {
  readonly replicas?: number;
  readonly redisConfig?: { readonly additionalRedisConfig?: string };
  readonly pdb?: { readonly enabled?: boolean };
}

export interface ClusterSpec {
  readonly clusterSize: number;
  readonly persistenceEnabled?: boolean;
  readonly kubernetesConfig: {
    readonly image: string;
    readonly imagePullPolicy?: string;
    readonly resources?: { readonly requests?: Labels; readonly limits?: Labels };
    readonly redisSecret?: { readonly name?: string; readonly key?: string };
  };
  readonly acl?: {
    readonly secret?: {
      readonly secretName?: string;
      readonly items?: readonly { readonly key: string; readonly path: string }[];
    };
  };
  readonly redisLeader?: Nodes;
  readonly redisFollower?: Nodes;
  readonly storage?: {
    readonly volumeClaimTemplate?: { readonly spec?: object };
    readonly nodeConfVolume?: boolean;
    readonly nodeConfVolumeClaimTemplate?: { readonly spec?: object };
  };
}

const CLIENTS = 6379;
const BUS = 16379;

export function clustersOf(manifests: readonly Manifest[]): (readonly [Manifest, ClusterSpec])[] {
  return ofKind(manifests, 'RedisCluster').map((cluster) => [cluster, cluster.spec as ClusterSpec]);
}

export function podsOfOperator(manifests: readonly Manifest[]): Pod[] {
  return clustersOf(manifests).flatMap(([cluster, { clusterSize, kubernetesConfig, redisLeader, redisFollower }]) =>
    [redisLeader, redisFollower].map((nodes, at) => ({
      title: `${titleOf(cluster)}, ${at === 0 ? 'leaders' : 'followers'}`,
      workload: cluster,
      replicas: nodes?.replicas ?? clusterSize,
      labels: cluster.metadata.labels ?? {},
      // It names no port.
      spec: {
        containers: [
          { name: 'redis', image: kubernetesConfig.image, ports: [{ containerPort: CLIENTS }, { containerPort: BUS }] },
        ],
      },
    })),
  );
}
