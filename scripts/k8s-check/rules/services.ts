/** Services and monitors lead somewhere: to pods that are there, on ports they have; and each port says what is spoken on it. */
import { type Labels, type Manifest, ofKind, titleOf } from '../manifests.ts';
import { hasPort, type Pod } from '../pods.ts';
import type { Rule } from '../rule.ts';
import { type Selector, selects } from '../selectors.ts';

interface ServiceSpec {
  readonly selector?: Labels;
  readonly ports?: readonly {
    readonly name?: string;
    readonly port: number;
    readonly targetPort?: number | string;
    readonly appProtocol?: string;
  }[];
}

export const services: Rule = ({ manifests, pods }) => [
  ...ofKind(manifests, 'Service').flatMap((service) => ofService(service, pods)),
  ...ofKind(manifests, 'ServiceMonitor').flatMap((monitor) => ofMonitor(monitor, manifests)),
  ...ofKind(manifests, 'PodMonitor').flatMap((monitor) => ofPodMonitor(monitor, pods)),
  ...ofKind(manifests, 'StatefulSet').flatMap((set) => governing(set, manifests)),
];

function ofService(service: Manifest, pods: readonly Pod[]): string[] {
  const { selector, ports = [] } = service.spec as ServiceSpec;
  const chosen = pods.filter(({ labels }) => selector !== undefined && selects({ matchLabels: selector }, labels));
  if (chosen.length === 0) return [`${titleOf(service)}: selects no pod`];
  const nameless = ports
    .filter(({ appProtocol }) => appProtocol === undefined)
    .map(({ port }) => `${titleOf(service)}: port ${port} has no appProtocol: a mesh would guess`);
  const astray = chosen.flatMap((pod) =>
    ports
      .map(({ port, targetPort = port }) => targetPort)
      .filter((target) => !hasPort(pod, target))
      .map((target) => `${titleOf(service)}: ${pod.title} has no port ${target}`),
  );
  return [...nameless, ...astray];
}

interface MonitorSpec {
  readonly selector: Selector;
  readonly endpoints: readonly { readonly port?: string }[];
}

function ofMonitor(monitor: Manifest, manifests: readonly Manifest[]): string[] {
  const { selector, endpoints } = monitor.spec as MonitorSpec;
  const chosen = ofKind(manifests, 'Service').filter(({ metadata }) => selects(selector, metadata.labels ?? {}));
  if (chosen.length === 0) return [`${titleOf(monitor)}: selects no Service`];
  return chosen.flatMap((service) => {
    const names = ((service.spec as ServiceSpec).ports ?? []).map(({ name }) => name);
    return endpoints
      .filter(({ port }) => !names.includes(port))
      .map(({ port }) => `${titleOf(monitor)}: ${titleOf(service)} has no port ${port}`);
  });
}

function ofPodMonitor(monitor: Manifest, pods: readonly Pod[]): string[] {
  const { selector, podMetricsEndpoints } = monitor.spec as {
    readonly selector: Selector;
    readonly podMetricsEndpoints: readonly { readonly port?: string }[];
  };
  const chosen = pods.filter(({ labels }) => selects(selector, labels));
  if (chosen.length === 0) return [`${titleOf(monitor)}: selects no pod`];
  return podMetricsEndpoints
    .filter(({ port = '' }) => !chosen.every((pod) => hasPort(pod, port)))
    .map(({ port }) => `${titleOf(monitor)}: its pods have no port ${port}`);
}

function governing(set: Manifest, manifests: readonly Manifest[]): string[] {
  const { serviceName } = set.spec as { readonly serviceName?: string };
  const isThere = ofKind(manifests, 'Service').some(({ metadata }) => metadata.name === serviceName);
  return isThere ? [] : [`${titleOf(set)}: there is no Service/${serviceName}`];
}
