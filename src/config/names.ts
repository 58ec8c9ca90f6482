/**
 * Which environment variables are meant for this program although it does not know them: misspelt names. All others are a
 * stranger's and none of its business.
 */
import { distance } from 'fastest-levenshtein';

/**
 * How many slips of the pen still make it the known name. None below five characters: too many innocent words
 * lie that near to `PORT` or `HOST`.
 */
function toleranceOf(known: string): number {
  if (known.length < 5) return 0;
  return known.length <= 7 ? 1 : 2;
}

/** One sentence per variable that was probably meant for us. */
export function nameProblems(names: readonly string[], known: readonly string[]): string[] {
  const problems: string[] = [];
  for (const name of names) {
    if (known.includes(name)) continue;
    const meant = nearest(name, known);
    if (meant !== undefined) problems.push(`${name} is not a setting; did you mean ${meant}?`);
  }
  return problems;
}

/** The known name that was probably meant. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let fewest = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const tolerance = toleranceOf(candidate);
    if (tolerance === 0 || Math.abs(candidate.length - name.length) > tolerance) continue;
    // Another case is a slip too.
    const slips = distance(name.toUpperCase(), candidate);
    if (slips <= tolerance && slips < fewest) [best, fewest] = [candidate, slips];
  }
  return best;
}
