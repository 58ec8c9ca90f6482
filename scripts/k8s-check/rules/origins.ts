/**
 * A web app of another origin is let in by all who answer it, by the same list: gateways, buckets, and the edge, which answers by
 * itself when it is full or what is behind it is away.
 */
import { environmentOf, type Value } from '../environment.ts';
import { containersOf, type Pod } from '../pods.ts';
import type { Rule } from '../rule.ts';

const DOORS = ['edge', 'gateway', 'bucket'];
/** As many of the list does the edge compare: scripts/k8s-edge/edge-config.ts. */
const EDGE_ORIGINS_MAX = 8;

export const origins: Rule = ({ manifests, pods, isWhole }) => {
  if (!isWhole) return [];
  const told = pods
    .filter(({ labels }) => DOORS.includes(labels['app.kubernetes.io/component'] ?? ''))
    .map((pod) => [pod, said(pod)] as const);
  const lists = new Set(told.map(([, list]) => list));
  const missing = told.filter(([, list]) => list === undefined);
  return [
    ...missing.map(([{ title }]) => `${title}: CORS_ORIGINS is not said: pages of another origin are refused`),
    ...(missing.length === 0 && lists.size > 1 ? ['CORS_ORIGINS: not all who answer a page have the same list'] : []),
    ...[...lists]
      .filter(isTooLong)
      .map(() => `CORS_ORIGINS: the edge knows the first ${EDGE_ORIGINS_MAX} of them only`),
  ];

  function said(pod: Pod): Value | undefined {
    return containersOf(pod)
      .map((container) => environmentOf(container, manifests).get('CORS_ORIGINS'))
      .find((value) => value !== undefined);
  }
};

function isTooLong(list: Value | undefined): boolean {
  return typeof list === 'string' && list.split(',').length > EDGE_ORIGINS_MAX;
}
