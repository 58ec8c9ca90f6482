/** HAProxy and nginx in front of a test's servers, with limits that a test does not meet by accident. */
import { type EdgeInit, type EdgeProcess, startEdge as start } from '../../proxy/process.ts';
import type { Edge } from '../../proxy/settings.ts';

// Without a listener a signal ends the process and no 'exit' is emitted, at which the edges are ended.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));

export type { Edge, EdgeProcess };

export const edges: readonly Edge[] = ['haproxy', 'nginx'];

/** All tests come from one address; and on a busy machine a test itself is slow. */
const limits = { connectionsPerIp: 2_000, requestsPerS: 20_000, slowS: 20 };

export interface EdgeOptions extends Partial<Omit<EdgeInit, 'buckets' | 'gateways'>> {
  readonly buckets: readonly { readonly url: string }[];
  readonly gateways: readonly { readonly url: string }[];
}

export function startEdge(edge: Edge, { buckets, gateways, ...changed }: EdgeOptions): Promise<EdgeProcess> {
  const addresses = (servers: readonly { readonly url: string }[]) => servers.map(({ url }) => new URL(url).host);
  return start(edge, { ...limits, ...changed, buckets: addresses(buckets), gateways: addresses(gateways) });
}
