/**
 * Ports for who watches a pod, and for operators, are for the monitoring: no Service leads there, and no policy lets everybody in. Where there
 * is a monitoring it finds each of our roles, and is let in.
 */
import { type Labels, type Manifest, ofKind, titleOf } from '../manifests.ts';
import type { Container, Pod } from '../pods.ts';
import type { Rule } from '../rule.ts';
import { type Selector, selects } from '../selectors.ts';
import { ourContainers } from './environment.ts';

/** Of the edge, and of the roles; where Services without an address of their own may name the second, to be found by it. */
const METRICS = 'metrics';
const ADMIN = 'admin';
const CLOSED = [METRICS, ADMIN];

interface PolicySpec {
  readonly podSelector: Selector;
  readonly ingress?: readonly {
    readonly from?: readonly object[];
    readonly ports?: readonly { readonly port?: number | string }[];
  }[];
}

interface ServiceSpec {
  readonly selector?: Labels;
  readonly ports?: readonly { readonly port: number; readonly targetPort?: number | string }[];
}

export const watched: Rule = ({ manifests, pods }) => [
  ...ourContainers(pods).flatMap(([pod]) => unseen(pod, manifests)),
  ...pods.flatMap((pod) =>
    pod.spec.containers.flatMap((container) =>
      (container.ports ?? [])
        .filter(({ name }) => name !== undefined && CLOSED.includes(name))
        .flatMap((port) => [...openTo(pod, port, manifests), ...ledTo(pod, port, manifests)]),
    ),
  ),
];

/** By a monitor through one of its Services, from another namespace. */
function unseen({ title, labels }: Pod, manifests: readonly Manifest[]): string[] {
  const monitors = ofKind(manifests, 'ServiceMonitor');
  if (monitors.length === 0) return [];
  const isFound = ofKind(manifests, 'Service')
    .filter(({ spec }) => selects({ matchLabels: (spec as ServiceSpec).selector ?? {} }, labels))
    .some(({ metadata }) =>
      monitors.some(({ spec }) => selects((spec as { readonly selector: Selector }).selector, metadata.labels ?? {})),
    );
  const isLetIn = ofKind(manifests, 'NetworkPolicy')
    .filter(({ spec }) => selects((spec as PolicySpec).podSelector, labels))
    .flatMap(({ spec }) => (spec as PolicySpec).ingress ?? [])
    .some(
      ({ from = [], ports = [] }) =>
        from.some((peer) => 'namespaceSelector' in peer) && ports.some(({ port }) => port === ADMIN),
    );
  return [
    ...(isFound ? [] : [`${title}: no ServiceMonitor finds it: the alerts do not see this role`]),
    ...(isLetIn ? [] : [`${title}: the monitoring does not reach port ${ADMIN}`]),
  ];
}

type Port = NonNullable<Container['ports']>[number];

function openTo({ title, labels }: Pod, { name, containerPort }: Port, manifests: readonly Manifest[]): string[] {
  return ofKind(manifests, 'NetworkPolicy')
    .filter(({ spec }) => selects((spec as PolicySpec).podSelector, labels))
    .filter(({ spec }) =>
      (spec as PolicySpec).ingress?.some(
        ({ from, ports }) =>
          from === undefined &&
          (ports === undefined || ports.some(({ port }) => [undefined, name, containerPort].includes(port as string))),
      ),
    )
    .map((policy) => `${title}: ${titleOf(policy)} lets everybody reach port ${name}`);
}

function ledTo({ title, labels }: Pod, { name, containerPort }: Port, manifests: readonly Manifest[]): string[] {
  if (name !== METRICS) return [];
  return ofKind(manifests, 'Service')
    .filter(({ spec }) => {
      const { selector, ports = [] } = spec as ServiceSpec;
      const isLed = ports.some(({ port, targetPort = port }) => targetPort === name || targetPort === containerPort);
      return isLed && selector !== undefined && selects({ matchLabels: selector }, labels);
    })
    .map((service) => `${title}: ${titleOf(service)} leads to port ${name}`);
}
