/**
 * What an edge tells at `/metrics/edge`: proxy/haproxy.cfg has all of them, proxy/nginx.conf those that nginx knows. The tests in
 * `test/edge` hold this list against both.
 */
import type { KnownMetric } from './known.ts';

const gauge = (name: string, help: string, ...labels: string[]): KnownMetric => ({ name, type: 'gauge', help, labels });

export const edgeMetrics: readonly KnownMetric[] = [
  gauge('smallchange_edge_connections', 'Connections of clients now.'),
  gauge('smallchange_edge_max_connections', 'Connections of clients there may be.'),
  gauge('smallchange_edge_streams', 'Streams open now, and polls that wait, at HAProxy.', 'of'),
  gauge('smallchange_edge_max_streams', 'How many of those there may be together.'),
  {
    name: 'smallchange_edge_refused_total',
    type: 'counter',
    help: 'Requests that HAProxy answered with 429, 503 or a polite refusal, by why.',
    labels: ['reason'],
  },
  gauge('smallchange_edge_servers', 'Servers that HAProxy finds ready.', 'role'),
  gauge('smallchange_edge_certificate_expires_seconds', 'When the certificate in use ends, seconds since 1970.'),
  gauge('smallchange_edge_certificate_refused', 'Whether the certificate in the file cannot be used.'),
];

/** What their labels can be. */
export const edgeLabelValues: Readonly<Record<string, readonly string[]>> = {
  of: ['browsers', 'programs'],
  role: ['bucket', 'gateway'],
};
