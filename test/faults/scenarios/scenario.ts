/** What a scenario is: one line of the "Done when", done on purpose instead of at random, with figures. */
import type { Verdict } from '../checker.ts';
import { report } from '../checker.ts';

export interface ScenarioOptions {
  readonly seed: number;
  /** A share of the full size: 1 for the figures of the issue, a few hundredths for `npm test`. */
  readonly scale: number;
}

export interface ScenarioResult {
  readonly figures: Readonly<Record<string, number | string>>;
  /** What was not as it has to be, a sentence each; empty when all is well. */
  readonly failures: readonly string[];
}

export interface Scenario {
  readonly name: string;
  /** What has to be seen. */
  readonly promise: string;
  run(options: ScenarioOptions): Promise<ScenarioResult>;
}

/** At least `least`, at full size `full`. */
export function sized(full: number, least: number, { scale }: Pick<ScenarioOptions, 'scale'>): number {
  return Math.max(least, Math.round(full * scale));
}

export function violationsOf(verdict: Verdict): string[] {
  return verdict.violations.length === 0 ? [] : [report(verdict)];
}
