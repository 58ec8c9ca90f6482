/** The process of an attacker: told once whom and how much, it prepares, and then drives its attack. */
import { setPriority } from 'node:os';
import type { Drive } from './attack.ts';
import { attackOf } from './attacks.ts';
import { answerParent } from './children.ts';

export interface AttackerQuestion {
  readonly step: 'prepare' | 'drive';
  readonly drive: Drive;
}

/** On one machine an attacker takes turns that the attacked would have elsewhere: others come first. */
const POLITE = 10;

setPriority(POLITE);
const attack = attackOf(process.argv[2]!);

answerParent(async ({ step, drive }: AttackerQuestion) => {
  if (step === 'drive') return attack.drive(drive);
  await attack.prepare?.(drive);
  return null;
});
