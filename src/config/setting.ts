/** What an entry of the schema is. */
import type { Kind } from './kinds.ts';
import type { Machine } from './machine.ts';

export interface Setting<T> {
  readonly name: string;
  readonly kind: Kind<T>;
  /** The default, as README shows it. */
  readonly default: string;
  readonly sentence: string;
  whenUnset(machine: Machine): T;
}

/** The default is written as an operator would write it, and read by the same kind. */
export function setting<T>(name: string, kind: Kind<T>, text: string, sentence: string): Setting<T> {
  const parsed = kind.parse(text);
  if (!parsed.ok) throw new Error(`the default of ${name} ${parsed.problem}`);
  return { name, kind, default: `\`${text}\``, sentence, whenUnset: () => parsed.value };
}

export function optional<T>(name: string, kind: Kind<T>, words: string, sentence: string): Setting<T | null> {
  return { name, kind, default: words, sentence, whenUnset: () => null };
}
