/** What a trial is: a promise about an edge under load or over time, tried with real clients, with figures. */
import type { Edge } from '../../support/edge.ts';

export interface TrialOptions {
  readonly edge: Edge;
  /** A share of the full size: 1 for the figures that are kept. */
  readonly scale: number;
}

export interface TrialResult {
  readonly figures: Readonly<Record<string, number | string>>;
  /** What was not as it has to be, a sentence each; empty when all is well. */
  readonly failures: readonly string[];
}

export interface Trial {
  readonly name: string;
  /** What has to be seen. */
  readonly promise: string;
  run(options: TrialOptions): Promise<TrialResult>;
}

/** At least `least`, at full size `full`. */
export function sized(full: number, least: number, { scale }: TrialOptions): number {
  return Math.max(least, Math.round(full * scale));
}
