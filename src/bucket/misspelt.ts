/** Parameters that are nearly `from`, `seq` or `batch`: ignored as unknown ones are, they would make a change that is not safe to repeat (P4), or is many (P41). */
import { distance } from 'fastest-levenshtein';
import { Problem } from '../errors.ts';

const names = ['from', 'seq', 'batch'] as const;
/** Longer ones are nothing like them. */
const LENGTH_MAX = 6;

/** @throws {Problem} 400 for one of those. */
export function refuseMisspelt(query: Readonly<Record<string, unknown>>): void {
  for (const given of Object.keys(query)) {
    if (given.length > LENGTH_MAX || names.some((name) => name === given)) continue;
    const meant = names.find((name) => isNearly(given.toLowerCase(), name));
    if (meant) throw new Problem('bad_parameter', `A parameter is nearly ${meant}: it is written ${meant}.`);
  }
}

/** One letter wrong, missing or too many; or the right ones in another order. */
function isNearly(given: string, name: string): boolean {
  return distance(given, name) <= 1 || lettersOf(given) === lettersOf(name);
}

function lettersOf(text: string): string {
  return [...text].sort().join('');
}
