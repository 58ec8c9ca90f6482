/**
 * The edge fits what is behind it: it waits longer than a stream is silent, keeps a place for every gateway there may be, asks
 * each whether it is ready, keeps those it knows while no name service answers, has the time to finish that it gives itself, lives
 * also when it is full, is scaled before that, and reads what it is told.
 */
import { environmentOf } from '../environment.ts';
import { find, type Manifest, ofKind } from '../manifests.ts';
import type { Container, Pod } from '../pods.ts';
import { quantity } from '../quantity.ts';
import type { Installation, Rule } from '../rule.ts';
import { configOf, ourContainers } from './environment.ts';

export const edge: Rule = (whole) =>
  whole.pods.flatMap((pod) => {
    const text = configurationOf(pod, whole.manifests);
    if (text === undefined) return [];
    const problems = [
      ...finishing(pod, text),
      ...patience(text, whole),
      ...places(text, whole),
      ...health(text),
      ...names(text),
      ...probes(pod, text),
      ...scaling(pod, text, whole),
      ...variables(pod, text, whole.manifests),
    ];
    return problems.map((problem) => `${pod.title}: ${problem}`);
  });

function configurationOf({ spec }: Pod, manifests: readonly Manifest[]): string | undefined {
  const maps = (spec.volumes ?? []).flatMap(({ configMap }) => (configMap ? [configMap.name] : []));
  return maps
    .map((name) => (find(manifests, 'ConfigMap', name)?.data as Record<string, string> | undefined)?.['haproxy.cfg'])
    .find((text) => text !== undefined);
}

/** The least of all that a directive says; its first group is the number. */
function leastOf(text: string, directive: RegExp): number {
  return Math.min(...Array.from(text.matchAll(directive), ([, number]) => Number(number)));
}

function finishing({ spec }: Pod, text: string): string[] {
  const stopS = leastOf(text, /^ *hard-stop-after (\d+)s/gm);
  const sleepS = spec.containers[0]?.lifecycle?.preStop?.sleep?.seconds ?? 0;
  const graceS = spec.terminationGracePeriodSeconds ?? 0;
  return graceS > stopS + sleepS ? [] : [`its grace of ${graceS} s ends before preStop and hard-stop-after do`];
}

/** A stream is silent for HEARTBEAT_MS, or a second for each thousand streams of its gateway. */
function patience(text: string, { pods, manifests }: Installation): string[] {
  const idleS = leastOf(text, /^ {2}timeout client (\d+)s/gm);
  return gatewaysOf(pods).flatMap((container) => {
    const outcome = configOf(container, manifests);
    if (!outcome.ok) return [];
    const { heartbeatMs, maxStreams } = outcome.config;
    const silentS = Math.max(heartbeatMs, maxStreams) / 1000;
    return idleS > silentS ? [] : [`it cuts streams after ${idleS} s, which may be silent for ${silentS} s`];
  });
}

function gatewaysOf(pods: readonly Pod[]): Container[] {
  return ourContainers(pods)
    .map(([, container]) => container)
    .filter(({ env }) => env?.some(({ name, value }) => name === 'ROLES' && value === 'gateway'));
}

function places(text: string, { manifests }: Installation): string[] {
  return ofKind(manifests, 'HorizontalPodAutoscaler').flatMap(({ spec }) => {
    const { scaleTargetRef, maxReplicas } = spec as { scaleTargetRef: { name: string }; maxReplicas: number };
    const role = scaleTargetRef.name.replace(/^smallchange-/, '');
    const kept = leastOf(text, new RegExp(`^ *server-template ${role} (\\d+) `, 'gm'));
    return kept >= maxReplicas ? [] : [`it keeps ${kept} places for up to ${maxReplicas} pods of ${role}`];
  });
}

/** A process that hangs still accepts connections, and so does one that drains. */
function health(text: string): string[] {
  const backends = text.split(/^(?=\w)/m).flatMap((section) => {
    const name = /^backend (\S+)/.exec(section)?.[1];
    return name !== undefined && /^ *server-template /m.test(section) ? [{ name, section }] : [];
  });
  return backends
    .filter(({ section }) => !/^ *http-check send .* uri \/readyz /m.test(section))
    .map(({ name }) => `backend ${name} does not ask for /readyz`);
}

/** By itself HAProxy calls all servers down that no valid answer has named for 30 s. */
function names(text: string): string[] {
  return ['timeout', 'refused', 'other']
    .filter((status) => !new RegExp(`^ *hold ${status} \\d+h$`, 'm').test(text))
    .map((status) => `it has no pods any more when the name service is away (hold ${status})`);
}

/** A port that clients fill says nothing of life: who asks there kills a full edge, with all its streams. */
function probes({ spec }: Pod, text: string): string[] {
  const health = /^frontend health\n {2}bind [^\n]*:(\d+)$/m.exec(text)?.[1];
  return spec.containers.flatMap(({ livenessProbe, readinessProbe, ports }) =>
    [livenessProbe, readinessProbe].flatMap((probe) => {
      const asked = probe?.httpGet?.port ?? probe?.tcpSocket?.port;
      if (asked === undefined) return [];
      const port = ports?.find(({ name }) => name === asked)?.containerPort ?? asked;
      return String(port) === health ? [] : [`a probe asks port ${asked}, which clients may fill`];
    }),
  );
}

/** Of its connections: what is left takes those of a pod that goes, and streams have 85 % of them. */
const FULL_SHARE_MAX = 0.7;

function scaling({ workload }: Pod, text: string, { manifests }: Installation): string[] {
  const places = Number(/^frontend edge\n {2}maxconn (\d+)$/m.exec(text)?.[1]);
  return ofKind(manifests, 'HorizontalPodAutoscaler').flatMap(({ spec }) => {
    const { scaleTargetRef, metrics = [] } = spec as {
      readonly scaleTargetRef: { readonly name: string };
      readonly metrics?: readonly { readonly pods?: { readonly target: { readonly averageValue?: string } } }[];
    };
    if (scaleTargetRef.name !== workload.metadata.name) return [];
    return metrics
      .map(({ pods }) => quantity(pods?.target.averageValue))
      .filter((target) => !(target <= FULL_SHARE_MAX * places))
      .map((target) => `${target} connections are over ${FULL_SHARE_MAX} of its ${places}`);
  });
}

/** A number that is none, HAProxy does not start with; a name that is misspelt, it never sees. */
function variables({ spec }: Pod, text: string, manifests: readonly Manifest[]): string[] {
  const said = spec.containers.flatMap((container) => [...environmentOf(container, manifests)]);
  return said
    .filter(([name]) => name.startsWith('EDGE_'))
    .flatMap(([name, value]) => {
      if (!text.includes(`\${${name}`)) return [`${name} is read by nobody`];
      const isNumber = new RegExp(`^ *presetenv ${name} \\d+$`, 'm').test(text);
      return isNumber && !/^[1-9]\d*$/.test(String(value)) ? [`${name} is no whole number: ${String(value)}`] : [];
    });
}
