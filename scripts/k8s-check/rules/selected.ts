/** What the Prometheus operator is given carries the label by which it selects, or none of it does: one without it is not looked at, silently. */
import { ofKind, titleOf } from '../manifests.ts';
import type { Rule } from '../rule.ts';

const LABEL = 'release';

export const selected: Rule = ({ manifests }) => {
  const all = ofKind(manifests, 'ServiceMonitor', 'PodMonitor', 'PrometheusRule');
  const wanted = all.map(({ metadata }) => metadata.labels?.[LABEL]).find((value) => value !== undefined);
  return all
    .filter(({ metadata }) => metadata.labels?.[LABEL] !== wanted)
    .map(
      (each) =>
        `${titleOf(each)}: has no label ${LABEL}=${wanted}, as others have (components/kube-prometheus-stack comes last)`,
    );
};
