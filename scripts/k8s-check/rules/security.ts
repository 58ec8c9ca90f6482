/** What the Pod Security Standard `restricted` asks of a pod, and a root file system that nobody writes to. */

import { ofKind } from '../manifests.ts';
import { containersOf, type Pod } from '../pods.ts';
import type { Rule } from '../rule.ts';

export const security: Rule = ({ manifests, pods }) => [
  ...ofKind(manifests, 'Namespace')
    .filter(({ metadata }) => metadata.labels?.['pod-security.kubernetes.io/enforce'] !== 'restricted')
    .map(({ metadata }) => `Namespace/${metadata.name}: does not enforce restricted pods`),
  ...pods.flatMap((pod) => [...ofPod(pod), ...ofContainers(pod)].map((problem) => `${pod.title}: ${problem}`)),
];

function ofPod({ spec }: Pod): string[] {
  const { securityContext } = spec;
  const found: string[] = [];
  if (securityContext?.runAsNonRoot !== true) found.push('runAsNonRoot is not true');
  if (!securityContext?.runAsUser) found.push('runAsUser is no number above 0');
  if (securityContext?.seccompProfile?.type !== 'RuntimeDefault') found.push('seccompProfile is not RuntimeDefault');
  if (spec.automountServiceAccountToken !== false) found.push('automountServiceAccountToken is not false');
  if (spec.enableServiceLinks !== false)
    found.push('enableServiceLinks is not false: REDIS_… variables would be added');
  if (spec.hostNetwork) found.push('hostNetwork is set');
  for (const { name, hostPath } of spec.volumes ?? []) if (hostPath) found.push(`volume ${name} is of the host`);
  return found;
}

function ofContainers(pod: Pod): string[] {
  return containersOf(pod).flatMap(({ name, securityContext: context }) => {
    const found: string[] = [];
    if (context?.allowPrivilegeEscalation !== false) found.push('allowPrivilegeEscalation is not false');
    if (context?.readOnlyRootFilesystem !== true) found.push('readOnlyRootFilesystem is not true');
    if (context?.privileged) found.push('privileged is set');
    if (!context?.capabilities?.drop?.includes('ALL')) found.push('capabilities: ALL are not dropped');
    if (context?.capabilities?.add?.length) found.push('capabilities are added');
    return found.map((problem) => `container ${name}: ${problem}`);
  });
}
