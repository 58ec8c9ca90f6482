/**
 * Where there are alerts at all, somebody is told before the disk or the memory of our Redis is full; and what they ask the platform
 * for is there: series and labels that it has, the claim and the container of this Redis.
 */
import { type PlatformSeries, platformSeries, platformSeriesIn } from '../../metrics/platform.ts';
import { type Manifest, ofKind, titleOf } from '../manifests.ts';
import type { Rule } from '../rule.ts';
import { alertsOf } from './metrics.ts';

const DISK = 'kubelet_volume_stats_available_bytes';
const MEMORY = 'container_memory_working_set_bytes';

export const capacity: Rule = ({ manifests, isWhole }) => {
  const rules = ofKind(manifests, 'PrometheusRule');
  const asked = rules.flatMap((each) =>
    alertsOf(each).flatMap(({ alert, expr }) =>
      platformSeriesIn(expr).map((series) => ({ title: `${titleOf(each)}, ${alert}`, ...series })),
    ),
  );
  const stores = rules.length > 0 && isWhole ? ofKind(manifests, 'StatefulSet').filter(hasClaims) : [];
  return [
    ...asked.flatMap(({ title, ...series }) => unknown(series).map((problem) => `${title}: ${problem}`)),
    ...stores.flatMap((store) => unwatched(store, asked)),
  ];
};

function hasClaims({ spec }: Manifest): boolean {
  return claimsOf(spec).length > 0;
}

function claimsOf(spec: unknown): string[] {
  const { volumeClaimTemplates = [] } = spec as { volumeClaimTemplates?: readonly Manifest[] };
  return volumeClaimTemplates.map(({ metadata }) => metadata.name);
}

function unknown({ name, matchers }: PlatformSeries): string[] {
  const labels = platformSeries[name];
  if (labels === undefined) return [`nobody tells ${name}: not the kubelet, cAdvisor, nor kube-state-metrics`];
  return matchers.filter(({ label }) => !labels.includes(label)).map(({ label }) => `${name} has no label ${label}`);
}

function unwatched(store: Manifest, asked: readonly PlatformSeries[]): string[] {
  const { metadata, spec } = store;
  const isAsked = (name: string, wanted: Readonly<Record<string, string>>) =>
    asked.some(
      (series) =>
        series.name === name &&
        series.matchers.every(({ label, value }) => new RegExp(`^(${value})$`).test(wanted[label] ?? '')),
    );
  const { containers } = (spec as { template: { spec: { containers: readonly { name: string }[] } } }).template.spec;
  const pod = `${metadata.name}-0`;
  const disks = claimsOf(spec).filter((claim) => !isAsked(DISK, { persistentvolumeclaim: `${claim}-${pod}` }));
  const isMemoryAsked = containers.some(({ name }) => isAsked(MEMORY, { pod, container: name }));
  return [
    ...disks.map((claim) => `${titleOf(store)}: no alert before the volume ${claim} is full`),
    ...(isMemoryAsked ? [] : [`${titleOf(store)}: no alert before its memory is full`]),
  ];
}
