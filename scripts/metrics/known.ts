/** The metrics our processes expose, read from the registry they are in, and those of the edge. */
import { errorTable } from '../../src/errors.ts';
import { createMetrics, mergeOutcomes } from '../../src/metrics.ts';
import { edgeLabelValues, edgeMetrics } from './edge.ts';

export interface KnownMetric {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly labels: readonly string[];
}

/** In the order in which they are registered: those of the process, then ours; then those of the edge. */
export function knownMetrics(): KnownMetric[] {
  const { registry } = createMetrics();
  const metrics = registry.getMetricsAsArray().map((metric) => {
    // The type leaves labelNames out; every metric of prom-client has them.
    const { name, type, help, labelNames } = metric as typeof metric & { labelNames?: readonly string[] };
    return { name, type: String(type), help, labels: labelNames ?? [] };
  });
  registry.clear();
  return [...metrics, ...edgeMetrics];
}

/** What a query may name: a histogram is three series. */
export function seriesOf({ name, type }: KnownMetric): string[] {
  return type === 'histogram' ? ['bucket', 'sum', 'count'].map((part) => `${name}_${part}`) : [name];
}

/** Labels that take few, known values. */
export const labelValues: Readonly<Record<string, readonly string[]>> = {
  outcome: mergeOutcomes,
  code: Object.keys(errorTable),
  ...edgeLabelValues,
};
