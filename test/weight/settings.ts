/**
 * The settings that attacks are made under: the defaults, and the largest values that the schema allows.
 *
 * Of the schema's own table, so that a bound that goes down there is lower here. What is itself a budget of memory, which an
 * operator gives in bytes (`RING_MAX_BYTES`, `INBOX_MAX_BYTES`), stays: the largest would be more than the machine has.
 */
import { settings } from '../../src/config/schema.ts';
import type { ServerEnv } from '../support/process.ts';

export type Choice = 'defaults' | 'largest';

const raised = ['maxChangeBytes', 'stateMaxBytes', 'historyMaxEvents', 'streamBufferBytes'] as const;

/** The upper bound of a setting that is a whole number. */
export function largestOf(key: keyof typeof settings): number {
  const { name, kind } = settings[key];
  const bound = /^a whole number from \d+ to (\d+)/.exec(kind.form)?.[1];
  if (bound === undefined) throw new Error(`${name} has no largest value: it is ${kind.form}`);
  return Number(bound);
}

export function environmentOf(choice: Choice): ServerEnv {
  if (choice === 'defaults') return {};
  return Object.fromEntries(raised.map((key) => [settings[key].name, String(largestOf(key))]));
}
