/** What an edge tells who watches it, as numbers. */
import type { EdgeProcess } from '../support/edge.ts';
import { request } from '../support/http.ts';

/** By series, its labels in braces where it has some. */
export async function figuresOf(
  { metricsUrl }: EdgeProcess,
  path = '/metrics/edge',
): Promise<ReadonlyMap<string, number>> {
  const text = String((await request(metricsUrl, path)).body);
  return new Map(
    text
      .split('\n')
      .filter((line) => /^\w/.test(line))
      .map((line) => {
        const at = line.lastIndexOf(' ');
        return [line.slice(0, at), Number(line.slice(at + 1))];
      }),
  );
}
