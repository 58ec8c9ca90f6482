/** How a node of a Cluster says that it did not run a command, and where to go with it. */
import { join, split } from './addresses.ts';
import { replyCodeOf } from './calls.ts';

export type Redirect =
  /** Another node serves the slot now. */
  | { readonly kind: 'moved'; readonly slot: number; readonly address: string }
  /** The slot is on its way to another node, and so is what was asked for: go there this once. */
  | { readonly kind: 'ask'; readonly address: string }
  /** The slot is on its way, and the keys of this command are some here, some there: wait until they have arrived. */
  | { readonly kind: 'later' };

/**
 * Undefined for every other error. With a redirect the command did not run, so that sending it again never doubles it.
 */
export function redirectOf(error: unknown, askedAddress: string): Redirect | undefined {
  const code = replyCodeOf(error);
  if (code === 'TRYAGAIN') return { kind: 'later' };
  if (code !== 'MOVED' && code !== 'ASK') return undefined;
  const [, slot, to] = ((error as Error).cause as Error).message.split(' ');
  const [host, port] = split(to!);
  // Without a host it is the one that was asked.
  const address = join(host === '' || host === '?' ? split(askedAddress)[0] : host, port);
  return code === 'ASK' ? { kind: 'ask', address } : { kind: 'moved', slot: Number(slot), address };
}
