/**
 * Every pod is closed to what is not allowed by name, in both directions; and Redis is open to our roles and to what copies it alone, gateways and
 * buckets to the edge alone.
 */
import { type Labels, type Manifest, ofKind, titleOf } from '../manifests.ts';
import { hasPort, type Pod } from '../pods.ts';
import type { Rule } from '../rule.ts';
import { type Selector, selects } from '../selectors.ts';

interface Peer {
  readonly podSelector?: Selector;
  readonly namespaceSelector?: Selector;
}

interface PolicySpec {
  readonly podSelector: Selector;
  readonly policyTypes?: readonly string[];
  readonly ingress?: readonly {
    readonly from?: readonly Peer[];
    readonly ports?: readonly { readonly port?: number | string }[];
  }[];
}

const COMPONENT = 'app.kubernetes.io/component';

/** Who may reach whom on which port; null for everybody. Whoever is not here is reached by nobody. */
const callers: Readonly<Record<string, { readonly port: string; readonly from: readonly string[] | null }>> = {
  redis: { port: 'redis', from: ['bucket', 'gateway', 'merger', 'backup'] },
  gateway: { port: 'http', from: ['edge'] },
  bucket: { port: 'http', from: ['edge'] },
  edge: { port: 'http', from: null },
};

export const network: Rule = ({ manifests, pods }) => {
  const policies = ofKind(manifests, 'NetworkPolicy');
  return [
    ...openByDefault(policies),
    ...policies.flatMap((policy) => misdirected(policy, pods)),
    ...pods.flatMap((pod) => reach(pod, policies, pods)),
  ];
};

function policiesOf({ labels }: Pod, policies: readonly Manifest[]): PolicySpec[] {
  return policies.map(({ spec }) => spec as PolicySpec).filter(({ podSelector }) => selects(podSelector, labels));
}

/** About every pod there is or will be, in both directions; what may pass is added by others. */
function openByDefault(policies: readonly Manifest[]): string[] {
  const denies = ({ podSelector, policyTypes, ingress = [] }: PolicySpec) =>
    selects(podSelector, {}) && ingress.length === 0 && policyTypes?.length === 2;
  return policies.some(({ spec }) => denies(spec as PolicySpec))
    ? []
    : ['no NetworkPolicy denies all pods what no other allows'];
}

/** A policy about nobody, or about a port nobody has, allows nothing: a slip of the pen. */
function misdirected(policy: Manifest, pods: readonly Pod[]): string[] {
  const { podSelector, ingress = [] } = policy.spec as PolicySpec;
  const about = pods.filter(({ labels }) => selects(podSelector, labels));
  if (about.length === 0) return [`${titleOf(policy)}: is about no pod`];
  return ingress
    .flatMap(({ ports = [] }) => ports)
    .filter(({ port }) => port !== undefined && !about.every((pod) => hasPort(pod, port)))
    .map(({ port }) => `${titleOf(policy)}: not every pod it is about has the port ${port}`);
}

function reach(pod: Pod, policies: readonly Manifest[], pods: readonly Pod[]): string[] {
  const component = pod.labels[COMPONENT] ?? '';
  const expected = callers[component] ?? { port: 'http', from: [] };
  const rules = policiesOf(pod, policies)
    .flatMap(({ ingress = [] }) => ingress)
    .filter(
      ({ ports }) => ports === undefined || ports.some(({ port }) => port === undefined || port === expected.port),
    );
  const isOpen = rules.some(
    ({ from }) => from === undefined || from.some(({ namespaceSelector }) => namespaceSelector),
  );
  if (isOpen)
    return expected.from === null ? [] : [`${pod.title}: others than ${expected.from} reach port ${expected.port}`];
  const may = (labels: Labels) =>
    rules.some(({ from }) => from?.some(({ podSelector }) => selects(podSelector, labels)));
  const actual = pods.filter(({ labels }) => may(labels)).map(({ labels }) => labels[COMPONENT] ?? '');
  const there = new Set(pods.map(({ labels }) => labels[COMPONENT] ?? ''));
  const wanted = (expected.from ?? []).filter((name) => there.has(name));
  if (expected.from === null) return [`${pod.title}: not everybody reaches port ${expected.port}`];
  return [...new Set([...actual, ...wanted])]
    .filter((name) => actual.includes(name) !== wanted.includes(name))
    .map(
      (name) => `${pod.title}: ${name} ${actual.includes(name) ? 'reaches' : 'does not reach'} port ${expected.port}`,
    );
}
