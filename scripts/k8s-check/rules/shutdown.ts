/**
 * Whoever stops has the time for it: `terminationGracePeriodSeconds` covers the sleep before SIGTERM, the drain, and what is
 * last: answers on their way, leases given back.
 */
import { environmentOf } from '../environment.ts';
import type { Pod } from '../pods.ts';
import type { Rule } from '../rule.ts';
import { configOf, ourContainers } from './environment.ts';

/** From the end of the drain to the exit. */
const LAST_S = 5;
const GRACE_DEFAULT_S = 30;

export const shutdown: Rule = ({ manifests, pods }) =>
  ourContainers(pods).flatMap(([pod, container]) => {
    const sleepS = container.lifecycle?.preStop?.sleep?.seconds;
    if (sleepS === undefined) return [`${pod.title}: no preStop sleep: it would stop serving before the edge knows`];
    const saysAuth = environmentOf(container, manifests).has('AUTH');
    const env = [...(container.env ?? []), ...(saysAuth ? [] : forced)];
    const outcome = configOf({ ...container, env }, manifests);
    // What is wrong with its settings is said by another rule.
    if (!outcome.ok) return [];
    const neededS = sleepS + outcome.config.drainMs / 1000 + LAST_S;
    const graceS = graceOf(pod);
    return graceS >= neededS
      ? []
      : [
          `${pod.title}: terminationGracePeriodSeconds is ${graceS}, and preStop, DRAIN_MS and ${LAST_S} s are ${neededS}`,
        ];
  });

/** A base does not say AUTH, and has a time to stop in all the same. */
const forced = [{ name: 'AUTH', value: 'anonymous' }];

function graceOf({ spec }: Pod): number {
  return spec.terminationGracePeriodSeconds ?? GRACE_DEFAULT_S;
}
