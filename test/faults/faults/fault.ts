/** What a fault is: something small with a name that goes wrong with a lab, and is put right again. */
import type { Random } from '../../support/random.ts';
import type { GroundNeeds } from '../fleet/ground.ts';
import type { Role, RoleKind } from '../fleet/role.ts';
import type { Recorder } from '../history.ts';
import type { Lab } from '../lab.ts';

export interface Started {
  /** Whom it hit. */
  readonly detail: string;
  /** Puts it right; resolves when what it hit serves again, as far as that is its doing. */
  stop(): Promise<void>;
}

export interface Fault {
  readonly name: string;
  /** What it hits: of two faults that hit the same, one waits for the other. */
  readonly hits: string;
  /** How long it lasts, from and to, milliseconds; the second for long runs only. */
  readonly lastsMs: readonly [number, number];
  readonly longMs?: number;
  readonly needs?: GroundNeeds;
  /** Takes accepted changes away, and says so in the history: not among `all` unless it is named. */
  readonly isLossy?: true;
  start(lab: Lab, random: Random, recorder: Recorder): Promise<Started>;
}

export function pickRole(lab: Lab, kind: RoleKind, random: Random): Role {
  return random.pick(lab.of(kind));
}

/** How far a wall clock is set off, seconds: what a summer time, a bad clock of a machine that starts, a wrong date are. */
const STEPS_S = [20, 600, 3_600, 172_800] as const;

export function pickStep(random: Random): number {
  return random.pick(STEPS_S) * (random.chance(0.5) ? 1 : -1);
}

export const nothingToPutRight = async (): Promise<void> => undefined;
