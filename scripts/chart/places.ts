/** Where a user may say something, and by which value. What is not said is as the manifests have it. */
import type { Node } from './node.ts';
import { entryOf, listOf, mapOf, set } from './paths.ts';

type Place = (object: Node) => void;

const quoted = (expression: string): Node => ({ kind: 'expression', text: `{{ ${expression} | quote }}` });
const plain = (expression: string): Node => ({ kind: 'expression', text: `{{ ${expression} }}` });

function image(value: string, repository: string, tag: string): Node {
  return quoted(`include "smallchange.image" (list ${value} "${repository}" ${tag})`);
}

const ours = (role: string) =>
  image(`(merge (dict) .Values.${role}.image .Values.image)`, 'smallchange', '.Chart.AppVersion');

/** Of each pod. @param path Of its spec. @param value Of its values. */
function pod(path: string, value: string, container: string, picture: (object: Node) => Node): Place {
  return (object) => {
    const own = `${path}.containers.${container}`;
    set(object, `${own}.image`, picture(object));
    set(
      object,
      `${own}.imagePullPolicy`,
      plain(`${value}.image.pullPolicy | default .Values.image.pullPolicy | default "IfNotPresent"`),
    );
    const resources = entryOf(object, `${own}.resources`);
    resources.node = { kind: 'instead', value: `${value}.resources`, otherwise: resources.node };
    const { entries } = mapOf(object, path);
    for (const name of ['affinity', 'nodeSelector', 'tolerations', 'topologySpreadConstraints']) {
      const said = { kind: 'yaml', value: `${value}.${name}` } as const;
      const there = entries.find(({ key }) => key === name);
      if (there) {
        there.node = { kind: 'instead', value: said.value, otherwise: there.node };
        if (there.when !== undefined) there.when = `(or ${said.value} ${there.when})`;
      } else entries.push({ key: name, when: said.value, node: said });
    }
    entries.push({
      key: 'imagePullSecrets',
      when: '.Values.imagePullSecrets',
      node: { kind: 'yaml', value: '.Values.imagePullSecrets' },
    });
  };
}

/** Of Deployments: what else is in their pods. */
function deployment(role: string, container: string): Place {
  return (object) => {
    const replicas = entryOf(object, 'spec.replicas');
    replicas.node = plain(`.Values.${role}.replicas | default ${(replicas.node as { value: unknown }).value}`);
    listOf(object, `spec.template.spec.containers.${container}.env`).more = `.Values.${role}.extraEnv`;
    const grace = entryOf(object, 'spec.template.spec.terminationGracePeriodSeconds');
    grace.node = plain(
      `.Values.${role}.terminationGracePeriodSeconds | default ${(grace.node as { value: unknown }).value}`,
    );
    // The checksum is put there as well.
    mapOf(object, 'spec.template.metadata').entries.unshift({
      key: 'annotations',
      node: { kind: 'map', entries: [], more: `.Values.${role}.podAnnotations` },
    });
    mapOf(object, 'spec.template.metadata.labels').more = `.Values.${role}.podLabels`;
  };
}

function settings(value: string): Place {
  return (object) => {
    const data = entryOf(object, 'data');
    if (data.node.kind !== 'map') throw new Error('settings are a map');
    data.node = { kind: 'settings', value, entries: data.node.entries };
  };
}

/** A scalar of which the user may say another. */
function instead(path: string, value: string): Place {
  return (object) => {
    const entry = entryOf(object, path);
    if (entry.node.kind !== 'scalar') throw new Error(`${path} is no scalar`);
    const text = `${value} | default ${JSON.stringify(entry.node.value)}`;
    entry.node = typeof entry.node.value === 'number' ? plain(text) : quoted(text);
  };
}

function given(path: string, key: string, value: string): Place {
  return (object) => {
    mapOf(object, path).entries.push({ key, when: value, node: { kind: 'yaml', value } });
  };
}

/** What is there with one component only is not seen by the one of priorities. */
function priority(name: string): Place {
  return (object) => {
    const node = { kind: 'scalar', value: name } as const;
    mapOf(object, 'spec.template.spec').entries.push({
      key: 'priorityClassName',
      when: '.Values.priority.enabled',
      node,
    });
  };
}

/** An alert at half of a setting's default is at half of what the user says. */
function halfOf(setting: string, path: string): Place {
  return (object) => {
    const { node } = entryOf(object, path);
    const [, before, half, after] = (node.kind === 'scalar' && /^(.* )(\d+)(.*)$/.exec(String(node.value))) || [];
    if (before === undefined || after === undefined) throw new Error(`${path} compares with no number`);
    const expression = `div (.Values.settings.${setting} | default ${2 * Number(half)}) 2`;
    set(object, path, { kind: 'text', parts: [before, { expression }, after] });
  };
}

const job = 'spec.jobTemplate.spec.template.spec';
const redisImage = () => image('.Values.redis.image', 'redis', '"7.2"');
const ROLES = ['gateway', 'bucket', 'merger'];

/** By the kind and name of the object. */
export const places: Readonly<Record<string, readonly Place[]>> = {
  ...Object.fromEntries(
    ROLES.map((role) => [
      `Deployment/smallchange-${role}`,
      [pod('spec.template.spec', `.Values.${role}`, 'smallchange', () => ours(role)), deployment(role, 'smallchange')],
    ]),
  ),
  'Deployment/smallchange-archiver': [
    pod('spec.template.spec', '.Values.archive', 'smallchange', () => ours('archive')),
    deployment('archive', 'smallchange'),
    priority('smallchange-serving'),
  ],
  'PrometheusRule/smallchange-archive': [
    halfOf('ARCHIVE_BACKLOG_MAX_BYTES', 'spec.groups.smallchange-archive.rules.0.expr'),
  ],
  'Deployment/smallchange-edge': [
    pod('spec.template.spec', '.Values.edge', 'haproxy', () => image('.Values.edge.image', 'haproxy', '"2.6"')),
    deployment('edge', 'haproxy'),
  ],
  'StatefulSet/smallchange-redis': [
    pod('spec.template.spec', '.Values.redis', 'redis', redisImage),
    instead('spec.volumeClaimTemplates.0.spec.resources.requests.storage', '.Values.redis.storage.size'),
    given('spec.volumeClaimTemplates.0.spec', 'storageClassName', '.Values.redis.storage.className'),
  ],
  'StatefulSet/smallchange-sentinel': [
    pod('spec.template.spec', '.Values.redis.sentinel', 'sentinel', redisImage),
    given('spec.volumeClaimTemplates.0.spec', 'storageClassName', '.Values.redis.storage.className'),
  ],
  'RedisCluster/smallchange-redis': [
    instead('spec.clusterSize', '.Values.redis.operator.size'),
    instead('spec.kubernetesConfig.image', '.Values.redis.operator.image'),
    (object) => {
      const resources = entryOf(object, 'spec.kubernetesConfig.resources');
      resources.node = { kind: 'instead', value: '.Values.redis.resources', otherwise: resources.node };
    },
    instead('spec.storage.volumeClaimTemplate.spec.resources.requests.storage', '.Values.redis.storage.size'),
    given('spec.storage.volumeClaimTemplate.spec', 'storageClassName', '.Values.redis.storage.className'),
    given('spec.storage.nodeConfVolumeClaimTemplate.spec', 'storageClassName', '.Values.redis.storage.className'),
  ],
  'CronJob/smallchange-redis-backup': [
    pod(job, '.Values.backup', 'backup', redisImage),
    instead('spec.schedule', '.Values.backup.schedule'),
    instead(`${job}.containers.backup.env.BACKUP_KEEP.value`, '.Values.backup.keep'),
  ],
  'CronJob/smallchange-redis-restore': [pod(job, '.Values.backup.restore', 'restore', redisImage)],
  'PersistentVolumeClaim/smallchange-backup': [
    instead('spec.resources.requests.storage', '.Values.backup.storage.size'),
    given('spec', 'storageClassName', '.Values.backup.storage.className'),
  ],
  'ConfigMap/smallchange-settings': [settings('.Values.settings')],
  'ConfigMap/smallchange-gateway': [settings('.Values.gateway.settings')],
  'ConfigMap/smallchange-limits': [settings('.Values.edge.limits')],
  'Service/smallchange-edge': [
    given('metadata', 'annotations', '.Values.edge.service.annotations'),
    given('spec', 'loadBalancerSourceRanges', '.Values.edge.service.loadBalancerSourceRanges'),
  ],
  'Ingress/smallchange': [
    instead('spec.ingressClassName', '.Values.ingress.className'),
    instead('spec.rules.0.host', '.Values.ingress.host'),
    instead('spec.tls.0.hosts.0', '.Values.ingress.host'),
    instead('spec.tls.0.secretName', '.Values.ingress.tlsSecret'),
    (object) => {
      const annotations = entryOf(object, 'metadata.annotations');
      if (annotations.node.kind !== 'map') throw new Error('annotations are a map');
      annotations.node = { kind: 'settings', value: '.Values.ingress.annotations', entries: annotations.node.entries };
    },
  ],
  'HTTPRoute/smallchange': [
    instead('spec.hostnames.0', '.Values.httpRoute.host'),
    (object) => {
      const parents = entryOf(object, 'spec.parentRefs');
      parents.node = { kind: 'instead', value: '.Values.httpRoute.parentRefs', otherwise: parents.node };
    },
  ],
  'HorizontalPodAutoscaler/smallchange-gateway': scaler('gateway'),
  'HorizontalPodAutoscaler/smallchange-bucket': scaler('bucket'),
  'NetworkPolicy/smallchange-metrics': [
    (object) => {
      const path = 'spec.ingress.0.from.0.namespaceSelector.matchLabels';
      set(
        object,
        `${path}.kubernetes\\.io/metadata\\.name`,
        quoted('.Values.monitoring.namespace | default "monitoring"'),
      );
    },
  ],
  'ServiceMonitor/smallchange': [instead('spec.endpoints.0.interval', '.Values.monitoring.interval')],
};

/** By the kind of the object, whatever its name. */
export const placesOfKind: Readonly<Record<string, readonly Place[]>> = Object.fromEntries(
  ['ServiceMonitor', 'PodMonitor', 'PrometheusRule'].map((kind) => [
    kind,
    [given('metadata', 'labels', '.Values.monitoring.labels')],
  ]),
);

function scaler(role: string): Place[] {
  return ['minReplicas', 'maxReplicas'].map((name) => instead(`spec.${name}`, `.Values.${role}.autoscaling.${name}`));
}
