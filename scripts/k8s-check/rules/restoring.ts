/** What puts an old copy in the place of Redis' data never starts by itself, and has the memory to read all of it. */
import { isJob, type Pod } from '../pods.ts';
import { quantity } from '../quantity.ts';
import type { Rule } from '../rule.ts';

export const restoring: Rule = ({ pods }) => {
  const stores = pods.filter(({ workload }) => workload.kind === 'StatefulSet');
  return pods
    .filter(({ workload }) => isJob(workload))
    .flatMap((pod) => stores.filter((store) => mounts(pod, store)).flatMap((store) => problems(pod, store)));
};

function mounts({ spec }: Pod, { workload }: Pod): boolean {
  return (spec.volumes ?? []).some(({ persistentVolumeClaim }) =>
    persistentVolumeClaim?.claimName.includes(`-${workload.metadata.name}-`),
  );
}

function problems(pod: Pod, store: Pod): string[] {
  const { suspend } = pod.workload.spec as { readonly suspend?: boolean };
  const [needed, given] = [store, pod].map(({ spec }) => quantity(spec.containers[0]?.resources?.limits?.memory));
  return [
    ...(suspend ? [] : [`${pod.title}: is not suspended: it would write over ${store.title} by itself`]),
    ...(given! >= needed! ? [] : [`${pod.title}: has less memory than ${store.title}, whose data it reads`]),
  ];
}
