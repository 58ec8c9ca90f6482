/**
 * Where there are alerts at all, somebody is told before the disk or the memory of our Redis is full; and what they ask the platform
 * for is there: series and labels that it has, the claim and the container of this Redis.
 */
import { type PlatformSeries, platformSeries, platformSeriesIn } from '../../metrics/platform.ts';
import { type Manifest, ofKind, titleOf } from '../manifests.ts';
import { clustersOf } from '../operator.ts';
import type { Rule } from '../rule.ts';
import { alertsOf } from './metrics.ts';

const DISK = 'kubelet_volume_stats_available_bytes';
const MEMORY = 'container_memory_working_set_bytes';

/** What keeps data, and how the platform calls it. */
interface Store {
  readonly title: string;
  /** By the name of its volume, that of the claim of its first pod. */
  readonly claims: Readonly<Record<string, string>>;
  readonly pod: string;
  readonly containers: readonly string[];
}

export const capacity: Rule = ({ manifests, isWhole }) => {
  const rules = ofKind(manifests, 'PrometheusRule');
  const asked = rules.flatMap((each) =>
    alertsOf(each).flatMap(({ alert, expr }) =>
      platformSeriesIn(expr).map((series) => ({ title: `${titleOf(each)}, ${alert}`, ...series })),
    ),
  );
  const stores = rules.length > 0 && isWhole ? [...ours(manifests), ...ofOperator(manifests)] : [];
  return [
    ...asked.flatMap(({ title, ...series }) => unknown(series).map((problem) => `${title}: ${problem}`)),
    ...stores.flatMap((store) => unwatched(store, asked)),
  ];
};

function ours(manifests: readonly Manifest[]): Store[] {
  return ofKind(manifests, 'StatefulSet').flatMap((set) => {
    const { volumeClaimTemplates = [], template } = set.spec as {
      readonly volumeClaimTemplates?: readonly Manifest[];
      readonly template: { readonly spec: { readonly containers: readonly { readonly name: string }[] } };
    };
    if (volumeClaimTemplates.length === 0) return [];
    const pod = `${set.metadata.name}-0`;
    const names = volumeClaimTemplates.map(({ metadata }) => metadata.name);
    const claims = Object.fromEntries(names.map((name) => [name, `${name}-${pod}`]));
    return [{ title: titleOf(set), claims, pod, containers: template.spec.containers.map(({ name }) => name) }];
  });
}

/** It calls volume and container as the StatefulSet that it makes. */
function ofOperator(manifests: readonly Manifest[]): Store[] {
  return clustersOf(manifests).flatMap(([cluster]) =>
    ['leader', 'follower'].map((role) => {
      const set = `${cluster.metadata.name}-${role}`;
      const pod = `${set}-0`;
      return { title: titleOf(cluster), claims: { [set]: `${set}-${pod}` }, pod, containers: [set] };
    }),
  );
}

function unknown({ name, matchers }: PlatformSeries): string[] {
  const labels = platformSeries[name];
  if (labels === undefined) return [`nobody tells ${name}: not the kubelet, cAdvisor, nor kube-state-metrics`];
  return matchers.filter(({ label }) => !labels.includes(label)).map(({ label }) => `${name} has no label ${label}`);
}

function unwatched({ title, claims, pod, containers }: Store, asked: readonly PlatformSeries[]): string[] {
  const isAsked = (name: string, wanted: Readonly<Record<string, string>>) =>
    asked.some(
      (series) =>
        series.name === name &&
        series.matchers.every(({ label, value }) => new RegExp(`^(${value})$`).test(wanted[label] ?? '')),
    );
  const disks = Object.entries(claims).filter(([, claim]) => !isAsked(DISK, { persistentvolumeclaim: claim }));
  const isMemoryAsked = containers.some((name) => isAsked(MEMORY, { pod, container: name }));
  return [
    ...disks.map(([name]) => `${title}: no alert before the volume ${name} is full`),
    ...(isMemoryAsked ? [] : [`${title}: no alert before its memory is full`]),
  ];
}
