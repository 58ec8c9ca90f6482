/** The table of docs/metrics.md: our metrics with their meaning, and the alerts of k8s/ that ask for each. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { Manifest } from '../k8s-check/manifests.ts';
import { type Alert, alertsOf } from '../k8s-check/rules/metrics.ts';
import { askedBy } from './expression.ts';
import { type KnownMetric, knownMetrics, seriesOf } from './known.ts';
import { meanings } from './meanings.ts';

/** Those that ask for metrics of ours; others ask the platform. */
const rulesFiles = ['monitoring', 'archive'].map(
  (component) => new URL(`../../k8s/components/${component}/rules.yaml`, import.meta.url),
);

const HEAD = ['| Metric | Kind | Labels | Counts | What it tells | Alerts |', '|---|---|---|---|---|---|'];

/** @throws when a metric of ours has no meaning, or a meaning no metric. */
export function metricsTable(): string {
  const ours = knownMetrics().filter(({ name }) => name.startsWith('smallchange_'));
  const unknown = Object.keys(meanings).filter((name) => !ours.some((metric) => metric.name === name));
  if (unknown.length > 0) throw new Error(`scripts/metrics/meanings.ts tells of ${unknown}, which is not there`);
  const alerts = rulesFiles.flatMap((file) => alertsOf(parse(readFileSync(file, 'utf8')) as Manifest));
  return [...HEAD, ...ours.map((metric) => row(metric, alerts))].join('\n');
}

function row(metric: KnownMetric, alerts: readonly Alert[]): string {
  const meaning = meanings[metric.name];
  if (meaning === undefined)
    throw new Error(`scripts/metrics/meanings.ts does not tell what ${metric.name} is good for`);
  const series = seriesOf(metric);
  const asking = alerts.filter(({ expr }) => askedBy(expr).some((asked) => series.includes(asked.series)));
  const names = asking.map(({ alert = '' }) => alert.replace(/^Smallchange/, ''));
  const labels = metric.labels.map((label) => `\`${label}\``).join(' ');
  const cells = [`\`${metric.name}\``, metric.type, labels, metric.help, meaning, names.join(', ')];
  return `| ${cells.join(' | ')} |`;
}
