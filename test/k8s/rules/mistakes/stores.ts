/** Mistakes in a Redis that is several: behind Sentinels, and as a Cluster of an operator. Each is planted in an installation that is clean without it, and found. */
import assert from 'node:assert/strict';
import { findsMistakes, type Plot, partNamed } from '../kit.ts';

function text(plot: Plot, map: string, file: string, from: RegExp, to: string): void {
  const { data } = plot.get('ConfigMap', map);
  assert.match(data[file], from);
  data[file] = data[file].replace(from, to);
}

const OF_SENTINEL = 'smallchange-redis-sentinel';

findsMistakes(
  'Sentinels',
  [
    [
      'two of them',
      (p) => {
        p.get('StatefulSet', 'smallchange-sentinel').spec.replicas = 2;
      },
      /smallchange-sentinel: 2 of 2 is no majority that outlives one/,
    ],
    [
      'one that decides alone',
      (p) => text(p, OF_SENTINEL, 'sentinel.conf', /6379 2$/m, '6379 1'),
      /1 of 3 is no majority/,
    ],
    [
      'one that forgets for whom it voted',
      (p) => {
        const { spec } = p.get('StatefulSet', 'smallchange-sentinel');
        delete spec.volumeClaimTemplates;
        spec.template.spec.volumes.push({ name: 'data', emptyDir: {} });
      },
      /smallchange-sentinel: no volume of its own: it would vote twice/,
    ],
    [
      'addresses in the place of names',
      (p) => text(p, OF_SENTINEL, 'sentinel.conf', /sentinel announce-hostnames yes\n/, ''),
      /announce-hostnames is not yes/,
    ],
    [
      'a primary that is not there',
      (p) => text(p, OF_SENTINEL, 'sentinel.conf', /smallchange-redis-0/, 'redis-0'),
      /Sentinels watch redis-0\.smallchange-redis, and the first is smallchange-redis-0\.smallchange-redis/,
    ],
    [
      'two Redis',
      (p) => {
        p.get('StatefulSet', 'smallchange-redis').spec.replicas = 2;
      },
      /smallchange-redis: 2 of it: while one is away nothing is accepted/,
    ],
    [
      'a primary that goes on alone',
      (p) => text(p, OF_SENTINEL, 'replicated.conf', /min-replicas-to-write 1/, 'min-replicas-to-write 0'),
      /min-replicas-to-write is 0, not 1/,
    ],
    [
      'a replica that is ready while it follows nobody',
      (p) => text(p, OF_SENTINEL, 'replicated.conf', /replica-serve-stale-data no/, 'replica-serve-stale-data yes'),
      /replica-serve-stale-data is yes/,
    ],
    [
      'all on one node',
      (p) => {
        delete p.pod('StatefulSet', 'smallchange-redis').affinity;
      },
      /StatefulSet\/smallchange-redis: two of it may be on one node/,
    ],
    [
      'a pod without a name until it is ready',
      (p) => {
        delete p.get('Service', 'smallchange-sentinel').spec.publishNotReadyAddresses;
      },
      /smallchange-sentinel: has no name before it is ready/,
    ],
    [
      'a Sentinel that stands still while it looks up a name',
      (p) => {
        delete p.get('StatefulSet', 'smallchange-sentinel').spec.template.spec.dnsConfig;
      },
      /smallchange-sentinel: stands still for as long as a name is looked up/,
    ],
    [
      'servers that ask for another primary',
      (p) => {
        p.get('ConfigMap', 'smallchange-settings').data.REDIS_SENTINEL_MASTER = 'mymaster';
      },
      /Deployment\/smallchange-bucket: REDIS_SENTINEL_MASTER is not smallchange/,
    ],
    [
      'changes that no replica has',
      (p) => {
        delete p.get('ConfigMap', 'smallchange-settings').data.REDIS_WAIT_REPLICAS;
      },
      /REDIS_WAIT_REPLICAS is not 1/,
    ],
    [
      'several without a budget',
      (p) => p.remove('PodDisruptionBudget', 'smallchange-redis'),
      /StatefulSet\/smallchange-redis: no PodDisruptionBudget/,
    ],
    [
      'Sentinels that do not reach Redis',
      (p) => {
        p.get('NetworkPolicy', 'smallchange-redis').spec.ingress.pop();
        p.get('NetworkPolicy', 'smallchange-redis').spec.ingress.pop();
      },
      /StatefulSet\/smallchange-redis: sentinel does not reach port 6379/,
    ],
    [
      'servers that are not let out to Sentinels',
      (p) => {
        p.get('NetworkPolicy', 'smallchange-to-redis').spec.egress.pop();
      },
      /Deployment\/smallchange-merger: is not let out to port sentinel of StatefulSet\/smallchange-sentinel/,
    ],
    [
      'a disk of Sentinels that fills without a word',
      (p) => {
        for (const { rules } of p.get('PrometheusRule', 'smallchange-redis').spec.groups) {
          for (const rule of rules) rule.expr = rule.expr.replaceAll('(redis|sentinel)-.*', 'redis-.*');
        }
      },
      /StatefulSet\/smallchange-sentinel: no alert before the volume data is full/,
    ],
    [
      'a password from nowhere',
      (p) => {
        const [container] = p.pod('StatefulSet', 'smallchange-redis').containers;
        container.env.at(-1).valueFrom.secretKeyRef.key = 'REDIS_PASSWORD_REPLICAS';
      },
      /Secret\/smallchange-redis has no REDIS_PASSWORD_REPLICAS/,
    ],
  ],
  partNamed('overlays/examples/redis-sentinel'),
);

const CLUSTER = ['smallchange-redis-cluster', 'redis-additional.conf'] as const;

findsMistakes(
  "an operator's Cluster",
  [
    [
      'a field that there is not',
      (p) => {
        p.get('RedisCluster', 'smallchange-redis').spec.persistenceEnable = true;
      },
      /persistenceEnable is not a field/,
    ],
    [
      'nothing on a disk',
      (p) => {
        p.get('RedisCluster', 'smallchange-redis').spec.persistenceEnabled = false;
      },
      /RedisCluster\/smallchange-redis: no volume: a restart loses everything/,
    ],
    [
      'nodes that forget who they are',
      (p) => {
        delete p.get('RedisCluster', 'smallchange-redis').spec.storage.nodeConfVolume;
      },
      /no volume for node-conf/,
    ],
    [
      'an fsync a second',
      (p) => text(p, ...CLUSTER, /^appendfsync always/m, 'appendfsync everysec'),
      /appendfsync is everysec/,
    ],
    [
      'a Cluster that stops as a whole',
      (p) => text(p, ...CLUSTER, /cluster-require-full-coverage no/, 'cluster-require-full-coverage yes'),
      /cluster-require-full-coverage is yes/,
    ],
    [
      'replicas with settings of their own',
      (p) => {
        delete p.get('RedisCluster', 'smallchange-redis').spec.redisFollower.redisConfig;
      },
      /redisFollower: redis-additional\.conf: appendonly is undefined/,
    ],
    [
      'no room for a rewrite',
      (p) => text(p, ...CLUSTER, /maxmemory 1gb/, 'maxmemory 1400mb'),
      /maxmemory is over 0\.7 of the limit/,
    ],
    [
      'a primary without a replica',
      (p) => {
        p.get('RedisCluster', 'smallchange-redis').spec.redisFollower.replicas = 2;
      },
      /not every primary has a replica/,
    ],
    [
      'nodes that may all be emptied at once',
      (p) => {
        p.get('RedisCluster', 'smallchange-redis').spec.redisLeader.pdb.enabled = false;
      },
      /redisLeader: no PodDisruptionBudget/,
    ],
    [
      'everybody may do everything',
      (p) => {
        p.get('RedisCluster', 'smallchange-redis').spec.acl.secret.items[0].path = 'users.acl';
      },
      /acl: no user\.acl/,
    ],
    [
      'a password from nowhere',
      (p) => {
        p.get('RedisCluster', 'smallchange-redis').spec.kubernetesConfig.redisSecret.key = 'password';
      },
      /redisSecret: there is no such key/,
    ],
    [
      'servers that take it for one Redis',
      (p) => {
        delete p.get('ConfigMap', 'smallchange-settings').data.REDIS_MODE;
      },
      /Deployment\/smallchange-gateway: REDIS_MODE is not cluster/,
    ],
    [
      'nodes that do not reach each other',
      (p) => {
        delete p.get('NetworkPolicy', 'smallchange-redis').spec.egress;
      },
      /followers: is not let out to port 6379 of RedisCluster\/smallchange-redis, leaders/,
    ],
    [
      'a disk that fills without a word',
      (p) => {
        for (const { rules } of p.get('PrometheusRule', 'smallchange-redis').spec.groups) {
          for (const rule of rules) rule.expr = rule.expr.replaceAll('(leader|follower)', 'leader');
        }
      },
      /RedisCluster\/smallchange-redis: no alert before the volume smallchange-redis-follower is full/,
    ],
    [
      'labels of its own',
      (p) => {
        p.get('RedisCluster', 'smallchange-redis').metadata.labels['app.kubernetes.io/component'] = 'gateway';
      },
      /NetworkPolicy\/smallchange-redis: is about no pod/,
    ],
  ],
  partNamed('overlays/examples/redis-operator'),
);
