/** What kustomize makes of the base, and of the base with each component by itself: what the chart is made from. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { folderOf } from '../k8s-check/check.ts';
import { type Manifest, parseManifests } from '../k8s-check/manifests.ts';
import { render } from '../k8s-check/render.ts';

/**
 * Each component, and the value that stands for it. `kube-prometheus-stack` is `monitoring.labels`. Of items that several add to a list, those of
 * the last here come first: the order of the overlays is the other way round.
 */
export const toggles: readonly (readonly [component: string, when: string])[] = [
  ['archive', '.Values.archive.enabled'],
  ['tls', '.Values.tls.enabled'],
  ['load-balancer', '.Values.loadBalancer.enabled'],
  ['ingress', '.Values.ingress.enabled'],
  ['gateway-api', '.Values.httpRoute.enabled'],
  ['tokens', '.Values.tokens.enabled'],
  ['autoscaling', '.Values.autoscaling.enabled'],
  ['monitoring', '.Values.monitoring.enabled'],
  ['redis-alerts', '(and .Values.monitoring.enabled .Values.redis.enabled)'],
  ['redis-backup', '(and .Values.backup.enabled .Values.redis.enabled (not .Values.redis.operator.enabled))'],
  ['priority', '.Values.priority.enabled'],
  ['redis-elsewhere', '(not .Values.redis.enabled)'],
  ['redis-operator', '(and .Values.redis.enabled .Values.redis.operator.enabled)'],
  ['redis-sentinel', '(and .Values.redis.enabled .Values.redis.sentinel.enabled)'],
];

/** Stands for the namespace of the release. */
export const NAMESPACE = 'namespace-of-the-release';

/** With the hashes in their names. */
export function rendered(components: readonly string[]): Manifest[] {
  // kustomize follows relative paths only.
  const folder = mkdtempSync(join(tmpdir(), 'smallchange-chart-'));
  try {
    const path = (name: string) => relative(folder, folderOf(name));
    const kustomization = {
      apiVersion: 'kustomize.config.k8s.io/v1beta1',
      kind: 'Kustomization',
      namespace: NAMESPACE,
      resources: [path('base')],
      components: components.map((name) => path(`components/${name}`)),
    };
    writeFileSync(join(folder, 'kustomization.yaml'), JSON.stringify(kustomization));
    return parseManifests(render(folder));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
