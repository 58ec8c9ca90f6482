/**
 * Alerts, dashboards and autoscalers ask for metrics that src/metrics.ts has, by labels those have: a query for a name that
 * does not exist is an alert that never fires.
 */
import { type Asked, askedBy } from '../../metrics/expression.ts';
import { type KnownMetric, knownMetrics, labelValues, seriesOf } from '../../metrics/known.ts';
import { type Manifest, ofKind, titleOf } from '../manifests.ts';
import type { Rule } from '../rule.ts';

/** Added while scraping: by Prometheus, its operator, and our ServiceMonitor. */
const targetLabels = ['job', 'instance', 'namespace', 'pod', 'service', 'container', 'endpoint', 'component', 'le'];

export const metrics: Rule = ({ manifests }) => {
  const known = new Map(
    knownMetrics().flatMap((metric) => seriesOf(metric).map((series) => [series, metric] as const)),
  );
  return [
    ...ofKind(manifests, 'PrometheusRule').flatMap((rules) => [...ofAlerts(rules, known)]),
    ...ofKind(manifests, 'ConfigMap').flatMap((map) => ofDashboard(map, known)),
    ...ofKind(manifests, 'HorizontalPodAutoscaler').flatMap((scaler) => ofScaler(scaler, known)),
  ];
};

type Known = ReadonlyMap<string, KnownMetric>;

export interface Alert {
  readonly alert?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export function alertsOf(rules: Manifest): Alert[] {
  const { groups } = rules.spec as { readonly groups: readonly { readonly rules: readonly Alert[] }[] };
  return groups.flatMap((group) => group.rules);
}

function* ofAlerts(rules: Manifest, known: Known): Generator<string> {
  for (const { alert = 'a rule', expr, labels, annotations } of alertsOf(rules)) {
    const title = `${titleOf(rules)}, ${alert}`;
    for (const problem of wrongIn(expr, known)) yield `${title}: ${problem}`;
    if (!annotations?.runbook) yield `${title}: no runbook: what is somebody to do at night?`;
    if (!['critical', 'warning'].includes(labels?.severity ?? '')) yield `${title}: no severity`;
  }
}

function ofDashboard(map: Manifest, known: Known): string[] {
  if (map.metadata.labels?.grafana_dashboard === undefined) return [];
  return Object.entries((map.data ?? {}) as Record<string, string>).flatMap(([file, text]) => {
    const { panels = [] } = JSON.parse(text) as { panels?: { title: string; targets?: { expr: string }[] }[] };
    return panels.flatMap(({ title, targets = [] }) =>
      targets.flatMap(({ expr }) => wrongIn(expr, known)).map((problem) => `${file}, panel ${title}: ${problem}`),
    );
  });
}

function ofScaler(scaler: Manifest, known: Known): string[] {
  const { metrics: asked = [] } = scaler.spec as { metrics?: { pods?: { metric: { name: string } } }[] };
  return asked
    .flatMap(({ pods }) => (pods ? [pods.metric.name] : []))
    .filter((name) => !known.has(name))
    .map((name) => `${titleOf(scaler)}: there is no metric ${name}`);
}

function wrongIn(expression: string, known: Known): string[] {
  return askedBy(expression).flatMap(({ series, matchers }) => {
    const metric = known.get(series);
    if (metric === undefined) return [`there is no metric ${series}`];
    return matchers.flatMap((matcher) => wrongMatcher(metric, matcher));
  });
}

function wrongMatcher({ name, labels }: KnownMetric, { label, operator, value }: Asked['matchers'][number]): string[] {
  if (targetLabels.includes(label)) return [];
  if (!labels.includes(label)) return [`${name} has no label ${label}`];
  const values = labelValues[label];
  if (values === undefined) return [];
  const asked = operator.endsWith('~') ? value.split('|') : [value];
  return asked.filter((each) => !values.includes(each)).map((each) => `${name}: ${label} is never ${each}`);
}
