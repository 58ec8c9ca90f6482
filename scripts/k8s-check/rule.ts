/** A rule of our own: what the schemas cannot know. */
import type { Manifest } from './manifests.ts';
import { type Pod, podsOf } from './pods.ts';

/** One installation, rendered. */
export interface Installation {
  readonly manifests: readonly Manifest[];
  readonly pods: readonly Pod[];
  /** False for a part that others complete: its processes need not have all their settings. */
  readonly isWhole: boolean;
}

/** One sentence per place where it is broken. */
export type Rule = (installation: Installation) => string[];

export function installation(manifests: readonly Manifest[], isWhole: boolean): Installation {
  return { manifests, pods: podsOf(manifests), isWhole };
}
