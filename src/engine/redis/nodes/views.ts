/**
 * What the nodes of a Cluster say of who serves which slots.
 *
 * Several are asked, and most believed: a primary that stood still while it was replaced names itself until the others have told it.
 */
import { join } from './addresses.ts';
import type { Reply } from './calls.ts';

/** What a node says of who serves which slots. */
export type View = readonly { readonly first: number; readonly last: number; readonly address: string }[];

/** @param askedHost Stands for a host that the node does not name: it does not know by which name it is reached. */
export function viewOf(slots: Reply, askedHost: string): View {
  return (slots as [first: number, last: number, primary: Reply[]][]).map(([first, last, primary]) => {
    const [host, port] = primary;
    return { first, last, address: join(String(host ?? '') || askedHost, Number(port)) };
  });
}

/** Who most of them name for a slot; the known one where as many name it, and where none is named. */
export function mostNamed(slot: number, views: readonly View[], known: string | undefined) {
  const votes = new Map<string, number>();
  for (const ranges of views) {
    const owner = ranges.find(({ first, last }) => first <= slot && slot <= last)?.address;
    if (owner !== undefined) votes.set(owner, (votes.get(owner) ?? 0) + 1);
  }
  let owner = known;
  let most = votes.get(known ?? '') ?? 0;
  for (const [each, count] of votes) {
    if (count <= most) continue;
    owner = each;
    most = count;
  }
  return { owner, votes: most };
}

/**
 * What each of them says, until that is enough, or all have answered or failed.
 *
 * @param isEnough Of what has been said so far.
 */
export async function askAll<T>(
  addresses: readonly string[],
  ask: (address: string) => Promise<T>,
  isEnough: (said: readonly T[]) => boolean,
): Promise<T[]> {
  const said: T[] = [];
  let tellEnough = () => {};
  const enough = new Promise<void>((resolve) => {
    tellEnough = resolve;
  });
  const asking = addresses.map(async (address) => {
    said.push(await ask(address));
    if (isEnough(said)) tellEnough();
  });
  await Promise.race([enough, Promise.allSettled(asking)]);
  return [...said];
}
