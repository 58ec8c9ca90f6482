/** Mistakes in who is told of a store that fills, whether anybody hears it, and in what copies it. Each is planted in an installation that is clean without it, and found. */
import { findsMistakes, type Plot } from '../kit.ts';

const alert = (plot: Plot, name: string) =>
  plot
    .get('PrometheusRule', 'smallchange-redis')
    .spec.groups[0].rules.find((rule: { readonly alert: string }) => rule.alert === name);

findsMistakes('capacity', [
  [
    'no alerts for Redis',
    (p) => p.remove('PrometheusRule', 'smallchange-redis'),
    /StatefulSet\/smallchange-redis: no alert before the volume data is full/,
  ],
  [
    "another volume's",
    (p) => {
      p.get('StatefulSet', 'smallchange-redis').spec.volumeClaimTemplates[0].metadata.name = 'store';
    },
    /no alert before the volume store is full/,
  ],
  [
    "another container's memory",
    (p) => {
      const rule = alert(p, 'SmallchangeRedisMemoryHigh');
      rule.expr = rule.expr.replaceAll(/container=~"[^"]*"/g, 'container="main"');
    },
    /no alert before its memory is full/,
  ],
  [
    'a series nobody tells',
    (p) => {
      alert(p, 'SmallchangeRedisDiskFull').expr = 'kubelet_volume_free_bytes < 1';
    },
    /DiskFull: nobody tells kubelet_volume_free_bytes/,
  ],
  [
    'a label it does not have',
    (p) => {
      alert(p, 'SmallchangeRedisDiskFull').expr = 'kubelet_volume_stats_available_bytes{pvc="data"} < 1';
    },
    /kubelet_volume_stats_available_bytes has no label pvc/,
  ],
]);

findsMistakes('selected', [
  [
    'a monitor that the operator does not look at',
    (p) => {
      delete p.get('ServiceMonitor', 'smallchange').metadata.labels.release;
    },
    /ServiceMonitor\/smallchange: has no label release=kube-prometheus-stack/,
  ],
]);

findsMistakes('restoring', [
  [
    'a restore that starts by itself',
    (p) => {
      p.get('CronJob', 'smallchange-redis-restore').spec.suspend = false;
    },
    /CronJob\/smallchange-redis-restore: is not suspended/,
  ],
  [
    'one that cannot hold what it reads',
    (p) => {
      const { containers } = p.get('CronJob', 'smallchange-redis-restore').spec.jobTemplate.spec.template.spec;
      containers[0].resources.limits.memory = '1Gi';
      containers[0].resources.requests.memory = '1Gi';
    },
    /has less memory than StatefulSet\/smallchange-redis/,
  ],
  [
    'a volume that nobody makes',
    (p) => p.remove('PersistentVolumeClaim', 'smallchange-backup'),
    /CronJob\/smallchange-redis-backup: there is no PersistentVolumeClaim\/smallchange-backup/,
  ],
  [
    'a copy of what cannot be reached',
    (p) => p.get('NetworkPolicy', 'smallchange-redis').spec.ingress.pop(),
    /StatefulSet\/smallchange-redis: backup does not reach port 6379/,
  ],
  [
    'a copy by root',
    (p) => {
      const { template } = p.get('CronJob', 'smallchange-redis-backup').spec.jobTemplate.spec;
      template.spec.securityContext.runAsNonRoot = false;
    },
    /CronJob\/smallchange-redis-backup: runAsNonRoot/,
  ],
]);
