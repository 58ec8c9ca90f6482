/**
 * Every pod is closed to what is not allowed by name, in both directions; and Redis is open to our roles and to what copies it alone, gateways and
 * buckets to the edge alone; and who has the archive's database is let out to it.
 */
import { environmentOf } from '../environment.ts';
import { type Labels, type Manifest, ofKind, titleOf } from '../manifests.ts';
import { containersOf, hasPort, type Pod } from '../pods.ts';
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
  readonly egress?: readonly {
    readonly to?: readonly Peer[];
    readonly ports?: readonly { readonly port?: number | string }[];
  }[];
}

/** As the documentation of the operator has it. */
const OPERATOR_NAMESPACE = 'ot-operators';
const COMPONENT = 'app.kubernetes.io/component';

interface Callers {
  readonly port: string | number;
  readonly from: readonly string[] | null;
}

const ROLES = ['bucket', 'gateway', 'merger', 'archiver'];
/** Postgres, which is none of our pods. */
const DATABASE_PORT = 5432;

/** Who may reach whom on which port; null for everybody. Whoever is not here is reached by nobody. */
const callers: Readonly<Record<string, Callers>> = {
  redis: { port: 6379, from: [...ROLES, 'backup', 'sentinel', 'redis'] },
  sentinel: { port: 'sentinel', from: [...ROLES, 'redis', 'sentinel'] },
  gateway: { port: 'http', from: ['edge'] },
  bucket: { port: 'http', from: ['edge'] },
  edge: { port: 'http', from: null },
};

export const network: Rule = ({ manifests, reached: pods }) => {
  const policies = ofKind(manifests, 'NetworkPolicy');
  return [
    ...openByDefault(policies),
    ...policies.flatMap((policy) => misdirected(policy, pods)),
    ...pods.flatMap((pod) => [
      ...reach(pod, policies, pods),
      ...notLetOut(pod, policies, pods),
      ...database(pod, policies, manifests),
    ]),
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
  // One alone has nobody of its kind to reach.
  const isOne = pod.replicas === 1 && pods.filter(({ labels }) => labels[COMPONENT] === component).length === 1;
  const rules = policiesOf(pod, policies)
    .flatMap(({ ingress = [] }) => ingress)
    .filter(
      ({ ports }) => ports === undefined || ports.some(({ port }) => port === undefined || port === expected.port),
    );
  const isOpen = rules.some(
    ({ from }) =>
      from === undefined ||
      from.some(
        ({ namespaceSelector }) => namespaceSelector && !(component === 'redis' && isOperator(namespaceSelector)),
      ),
  );
  if (isOpen)
    return expected.from === null ? [] : [`${pod.title}: others than ${expected.from} reach port ${expected.port}`];
  const may = (labels: Labels) =>
    rules.some(({ from }) =>
      from?.some(({ podSelector, namespaceSelector }) => !namespaceSelector && selects(podSelector, labels)),
    );
  const actual = pods.filter(({ labels }) => may(labels)).map(({ labels }) => labels[COMPONENT] ?? '');
  const there = new Set(pods.map(({ labels }) => labels[COMPONENT] ?? ''));
  const wanted = (expected.from ?? []).filter((name) => there.has(name) && !(isOne && name === component));
  if (expected.from === null) return [`${pod.title}: not everybody reaches port ${expected.port}`];
  return [...new Set([...actual, ...wanted])]
    .filter((name) => actual.includes(name) !== wanted.includes(name))
    .map(
      (name) => `${pod.title}: ${name} ${actual.includes(name) ? 'reaches' : 'does not reach'} port ${expected.port}`,
    );
}

/** Who may come in there is let out where it starts as well. */
function notLetOut(pod: Pod, policies: readonly Manifest[], pods: readonly Pod[]): string[] {
  const component = pod.labels[COMPONENT] ?? '';
  const { port, from } = callers[component] ?? { port: 'http', from: [] };
  const ports = pod.spec.containers.flatMap(({ ports: own = [] }) => own);
  const number = ports.find(({ name, containerPort }) => name === port || containerPort === port)?.containerPort;
  const isLetOut = (caller: Pod) =>
    policiesOf(caller, policies)
      .flatMap(({ egress = [] }) => egress)
      .some(
        ({ to, ports: open }) =>
          (open === undefined || open.some((each) => each.port === undefined || each.port === number)) &&
          (to === undefined || to.some(({ podSelector }) => selects(podSelector, pod.labels))),
      );
  return pods
    .filter((caller) => caller !== pod && (from ?? []).includes(caller.labels[COMPONENT] ?? ''))
    .filter((caller) => !isLetOut(caller))
    .map((caller) => `${caller.title}: is not let out to port ${port} of ${pod.title}`);
}

/** Where it is only its owner knows: to whatever address, on its port. */
function database(pod: Pod, policies: readonly Manifest[], manifests: readonly Manifest[]): string[] {
  const asks = containersOf(pod).some((each) => environmentOf(each, manifests).has('DATABASE_URL'));
  const isLetOut = policiesOf(pod, policies)
    .flatMap(({ egress = [] }) => egress)
    .some(({ ports }) => ports === undefined || ports.some(({ port }) => port === undefined || port === DATABASE_PORT));
  if (asks === isLetOut) return [];
  const problem = asks
    ? `is not let out to port ${DATABASE_PORT} of Postgres`
    : `is let out to port ${DATABASE_PORT}, and has no DATABASE_URL`;
  return [`${pod.title}: ${problem}`];
}

/** Whoever made the pods keeps them. */
function isOperator({ matchLabels }: Selector): boolean {
  return matchLabels?.['kubernetes.io/metadata.name'] === OPERATOR_NAMESPACE;
}
