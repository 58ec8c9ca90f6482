/**
 * Autoscalers scale something that is there and does not say its own number, give up a pod slowly, and keep gateways below what
 * they can hold.
 */
import { find, type Manifest, ofKind, titleOf } from '../manifests.ts';
import { quantity } from '../quantity.ts';
import type { Installation, Rule } from '../rule.ts';
import { configOf, ourContainers } from './environment.ts';

interface ScalerSpec {
  readonly scaleTargetRef: { readonly kind: string; readonly name: string };
  readonly minReplicas?: number;
  readonly metrics?: readonly {
    readonly type: string;
    readonly resource?: { readonly name: string };
    readonly pods?: { readonly metric: { readonly name: string }; readonly target: { readonly averageValue?: string } };
  }[];
  readonly behavior?: { readonly scaleDown?: { readonly stabilizationWindowSeconds?: number } };
}

/** Every pod that goes sends its streams away: not because of a quiet minute. */
const STABLE_MIN_S = 300;
/** Of MAX_STREAMS: what is left takes the streams of the pods that go, or come late. */
const FULL_SHARE_MAX = 0.7;

export const autoscaling: Rule = (whole) =>
  ofKind(whole.manifests, 'HorizontalPodAutoscaler').flatMap((scaler) => problems(scaler, whole));

function problems(scaler: Manifest, whole: Installation): string[] {
  const { scaleTargetRef, minReplicas = 1, metrics = [], behavior } = scaler.spec as ScalerSpec;
  const title = titleOf(scaler);
  const target = find(whole.manifests, scaleTargetRef.kind, scaleTargetRef.name);
  if (target === undefined) return [`${title}: there is no ${scaleTargetRef.kind}/${scaleTargetRef.name}`];
  const found: string[] = [];
  if ((target.spec as { replicas?: number }).replicas !== undefined) {
    found.push(`${title}: ${titleOf(target)} says its replicas, which every apply would set again`);
  }
  if (minReplicas < 2) found.push(`${title}: fewer than two pods are none when one goes`);
  if ((behavior?.scaleDown?.stabilizationWindowSeconds ?? 0) < STABLE_MIN_S) {
    found.push(`${title}: scales down within ${STABLE_MIN_S} s`);
  }
  for (const { pods } of metrics) {
    if (pods?.metric.name === 'smallchange_streams')
      found.push(...tooFull(title, target, pods.target.averageValue, whole));
  }
  return found;
}

function tooFull(title: string, target: Manifest, averageValue: string | undefined, whole: Installation): string[] {
  const container = ourContainers(whole.pods).find(([{ workload }]) => workload === target)?.[1];
  const outcome = container && configOf(container, whole.manifests);
  if (!outcome?.ok) return [];
  const most = outcome.config.maxStreams * FULL_SHARE_MAX;
  return quantity(averageValue) <= most
    ? []
    : [`${title}: ${averageValue} streams are over ${FULL_SHARE_MAX} of MAX_STREAMS`];
}
