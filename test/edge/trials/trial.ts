/** What a trial is: a promise about an edge under load or over time, tried with real clients, with figures. */
import type { ScenarioOptions, ScenarioResult } from '../../faults/scenarios/scenario.ts';
import type { Edge } from '../../support/edge.ts';

export { sized } from '../../faults/scenarios/scenario.ts';

export interface TrialOptions extends Pick<ScenarioOptions, 'scale'> {
  readonly edge: Edge;
}

export type TrialResult = ScenarioResult;

export interface Trial {
  readonly name: string;
  /** What has to be seen. */
  readonly promise: string;
  run(options: TrialOptions): Promise<TrialResult>;
}
