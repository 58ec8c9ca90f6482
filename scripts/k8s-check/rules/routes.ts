/**
 * An Ingress or HTTPRoute leads to a port of a Service that is there, lets a stream last and its bytes pass at once, and the edge
 * behind it knows who its clients are: else all of them share the limits of one address.
 */
import { environmentOf } from '../environment.ts';
import { find, type Manifest, ofKind, titleOf } from '../manifests.ts';
import type { Installation, Rule } from '../rule.ts';

interface IngressSpec {
  readonly rules?: readonly { readonly http?: { readonly paths: readonly { readonly backend: IngressBackend }[] } }[];
}

interface IngressBackend {
  readonly service?: { readonly name: string; readonly port: { readonly name?: string; readonly number?: number } };
}

interface RouteSpec {
  readonly rules: readonly {
    readonly timeouts?: { readonly request?: string; readonly backendRequest?: string };
    readonly backendRefs?: readonly { readonly name: string; readonly port?: number }[];
  }[];
}

/** Longer than any stream is silent (HAProxy's own patience is 90 s), in seconds. */
const SILENT_S = 90;

/** What a controller has to be told, for those that are known: a pattern of the annotation, and whether its value will do. */
const needed: readonly (readonly [RegExp, string, (value: string) => boolean])[] = [
  [/^nginx\..*\/proxy-read-timeout$/, `over ${SILENT_S} s`, (value) => Number(value) > SILENT_S],
  [/^nginx\..*\/proxy-buffering$/, 'off', (value) => value === 'off'],
  [/^nginx\..*\/proxy-request-buffering$/, 'off', (value) => value === 'off'],
  [/^haproxy\.org\/timeout-server$/, `over ${SILENT_S} s`, isLong],
  [/^haproxy-ingress\..*\/timeout-server$/, `over ${SILENT_S} s`, isLong],
];

export const routes: Rule = (whole) => {
  const ingresses = ofKind(whole.manifests, 'Ingress');
  const httpRoutes = ofKind(whole.manifests, 'HTTPRoute');
  return [
    ...ingresses.flatMap((ingress) => ofIngress(ingress, whole)),
    ...httpRoutes.flatMap((route) => ofRoute(route, whole)),
    ...(ingresses.length + httpRoutes.length > 0 ? strangers(whole) : []),
  ];
};

function ofIngress(ingress: Manifest, { manifests }: Installation): string[] {
  const { annotations = {} } = ingress.metadata as { readonly annotations?: Readonly<Record<string, string>> };
  const { rules = [] } = ingress.spec as IngressSpec;
  const backends = rules.flatMap(({ http }) => http?.paths ?? []).flatMap(({ backend }) => backend.service ?? []);
  const said = Object.entries(annotations);
  const wrong = needed.flatMap(([name, wanted, willDo]) => {
    const [found, value] = said.find(([each]) => name.test(each)) ?? [];
    if (found === undefined) return [`${titleOf(ingress)}: no annotation like ${name.source}`];
    return willDo(value!) ? [] : [`${titleOf(ingress)}: ${found} is ${value}, not ${wanted}`];
  });
  return [...wrong, ...backends.flatMap(({ name, port }) => leads(ingress, name, port.name ?? port.number, manifests))];
}

function isLong(value: string): boolean {
  const [, number, unit] = /^(\d+)(s|m|h)$/.exec(value) ?? [];
  return Number(number) * { s: 1, m: 60, h: 3600 }[unit ?? '']! > SILENT_S;
}

function ofRoute(route: Manifest, { manifests }: Installation): string[] {
  return (route.spec as RouteSpec).rules.flatMap(({ timeouts, backendRefs = [] }) => [
    ...(['request', 'backendRequest'] as const)
      .filter((name) => timeouts?.[name] !== '0s')
      .map((name) => `${titleOf(route)}: timeouts.${name} is ${timeouts?.[name]}, which ends streams: 0s is none`),
    ...backendRefs.flatMap(({ name, port }) => leads(route, name, port, manifests)),
  ]);
}

function leads(
  from: Manifest,
  name: string,
  port: string | number | undefined,
  manifests: readonly Manifest[],
): string[] {
  const service = find(manifests, 'Service', name);
  if (service === undefined) return [`${titleOf(from)}: there is no Service/${name}`];
  const { ports = [] } = service.spec as { ports?: readonly { name?: string; port: number }[] };
  return ports.some((each) => each.name === port || each.port === port)
    ? []
    : [`${titleOf(from)}: Service/${name} has no port ${port}`];
}

function strangers({ manifests, pods }: Installation): string[] {
  return pods
    .filter(({ labels }) => labels['app.kubernetes.io/component'] === 'edge')
    .filter(({ spec }) =>
      spec.containers.every((container) => {
        const env = environmentOf(container, manifests);
        return !env.has('EDGE_TRUSTED_PROXIES') && env.get('EDGE_PROXY_PROTOCOL') !== 'on';
      }),
    )
    .map(({ title }) => `${title}: all clients come from the address of what is in front of it: EDGE_TRUSTED_PROXIES`);
}
