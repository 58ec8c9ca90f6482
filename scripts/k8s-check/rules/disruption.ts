/** PodDisruptionBudgets are about pods that are there, let at least one go, and whatever has more than one pod has one. */
import { ofKind, titleOf } from '../manifests.ts';
import type { Rule } from '../rule.ts';
import { type Selector, selects } from '../selectors.ts';

interface BudgetSpec {
  readonly selector?: Selector;
  readonly maxUnavailable?: number | string;
}

export const disruption: Rule = ({ manifests, pods }) => {
  const budgets = ofKind(manifests, 'PodDisruptionBudget');
  const covers = ({ selector }: BudgetSpec) => pods.filter(({ labels }) => selects(selector, labels));
  return [
    ...budgets
      .filter(({ spec }) => covers(spec as BudgetSpec).length !== 1)
      .map((budget) => `${titleOf(budget)}: is not about exactly one kind of pod`),
    ...budgets
      .filter(({ spec }) => (spec as BudgetSpec).maxUnavailable === 0)
      .map((budget) => `${titleOf(budget)}: no node could ever be emptied`),
    ...pods
      .filter(({ workload, replicas = 1 }) => workload.kind === 'Deployment' || replicas > 1)
      .filter((pod) => !budgets.some(({ spec }) => covers(spec as BudgetSpec).includes(pod)))
      .map((pod) => `${pod.title}: no PodDisruptionBudget`),
  ];
};
