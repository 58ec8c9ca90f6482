/** A rule of our own: what the schemas cannot know. */
import type { Manifest } from './manifests.ts';
import { podsOfOperator } from './operator.ts';
import { type Pod, podsOf } from './pods.ts';

/** One installation, rendered. */
export interface Installation {
  readonly manifests: readonly Manifest[];
  /** What we say ourselves. */
  readonly pods: readonly Pod[];
  /** Also those that an operator makes of what we say: policies and budgets are about them. */
  readonly reached: readonly Pod[];
  /** False for a part that others complete: its processes need not have all their settings. */
  readonly isWhole: boolean;
}

/** One sentence per place where it is broken. */
export type Rule = (installation: Installation) => string[];

export function installation(manifests: readonly Manifest[], isWhole: boolean): Installation {
  const pods = podsOf(manifests);
  return { manifests, pods, reached: [...pods, ...podsOfOperator(manifests)], isWhole };
}
