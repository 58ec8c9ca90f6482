/** Every container says what it needs, how far it may go, how to see that it lives, and exactly which image it is. */
import { type Container, containersOf, hasPort, isJob, type Pod } from '../pods.ts';
import { quantity } from '../quantity.ts';
import type { Rule } from '../rule.ts';

export const containers: Rule = ({ pods }) =>
  pods.flatMap((pod) =>
    containersOf(pod).flatMap((container) =>
      [...resources(container), ...image(container), ...(isJob(pod.workload) ? [] : probes(pod, container))].map(
        (problem) => `${pod.title}, container ${container.name}: ${problem}`,
      ),
    ),
  );

function resources({ resources: given }: Container): string[] {
  return ['cpu', 'memory'].flatMap((what) => {
    const request = quantity(given?.requests?.[what]);
    const limit = quantity(given?.limits?.[what]);
    if (Number.isNaN(request)) return [`no request of ${what}`];
    if (Number.isNaN(limit)) return [`no limit of ${what}`];
    return request > limit ? [`the request of ${what} is above its limit`] : [];
  });
}

/** A tag that moves makes two pods of one Deployment different programs, and one that was pushed twice as well: who pulls says so. */
function image({ image: name, imagePullPolicy }: Container): string[] {
  return [
    ...tagOf(name),
    ...(imagePullPolicy === undefined ? [`no imagePullPolicy: whether ${name} is pulled anew is left to its tag`] : []),
  ];
}

function tagOf(name: string): string[] {
  if (name.includes('@')) {
    return /@sha256:[0-9a-f]{64}$/.test(name) ? [] : [`the digest of ${name} is none: sha256 has 64 digits`];
  }
  const tag = /:([\w.-]+)$/.exec(name)?.[1];
  if (tag === undefined) return [`the image ${name} has no tag`];
  return /^\d/.test(tag) ? [] : [`the tag of ${name} names no version`];
}

function probes(pod: Pod, { livenessProbe, readinessProbe, startupProbe }: Container): string[] {
  const all = { livenessProbe, readinessProbe, startupProbe };
  const found: string[] = [];
  if (!livenessProbe) found.push('no livenessProbe');
  if (!readinessProbe) found.push('no readinessProbe');
  for (const [name, probe] of Object.entries(all)) {
    const port = probe?.httpGet?.port ?? probe?.tcpSocket?.port;
    if (port !== undefined && !hasPort(pod, port)) found.push(`${name} asks port ${port}, which it does not have`);
  }
  // Readiness may ask for more than life; the other way round a store that is away restarts the fleet.
  const path = livenessProbe?.httpGet?.path;
  if (path !== undefined && path !== '/healthz')
    found.push(`livenessProbe asks ${path}: only /healthz is about the process alone`);
  return found;
}
