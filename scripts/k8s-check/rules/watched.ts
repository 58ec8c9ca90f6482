/** Ports for who watches a pod, and for operators, are for the monitoring: no Service leads there, and no policy lets everybody in. */
import { type Labels, type Manifest, ofKind, titleOf } from '../manifests.ts';
import type { Container, Pod } from '../pods.ts';
import type { Rule } from '../rule.ts';
import { type Selector, selects } from '../selectors.ts';

/** Of the edge, and of the roles; where Services without an address of their own may name the second, to be found by it. */
const METRICS = 'metrics';
const CLOSED = [METRICS, 'admin'];

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

export const watched: Rule = ({ manifests, pods }) =>
  pods.flatMap((pod) =>
    pod.spec.containers.flatMap((container) =>
      (container.ports ?? [])
        .filter(({ name }) => name !== undefined && CLOSED.includes(name))
        .flatMap((port) => [...openTo(pod, port, manifests), ...ledTo(pod, port, manifests)]),
    ),
  );

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
