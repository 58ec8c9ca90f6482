/** What a server tells of itself at `/metrics`: one sample, by its name and labels as they are written there; 0 where there is none yet. */
import { request } from './http.ts';

export async function metricOf({ url }: { readonly url: string }, name: string): Promise<number> {
  const text = (await request(url, '/metrics')).body.toString();
  const line = text.split('\n').find((each) => each.startsWith(`${name} `));
  return line === undefined ? 0 : Number(line.slice(name.length + 1));
}

/** How many shards a merger merges. */
export const shardsHeld = (merger: { readonly url: string }) => metricOf(merger, 'smallchange_shards_held');
