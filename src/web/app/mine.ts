/** Which events are from this tab, also after a reload, when the library has a new nonce and knows them no more. */
import type { ChannelEvent } from '../../client/client.ts';
import type { Kept } from './kept.ts';
import { nameOf } from './names.ts';

export interface Mine {
  has(from: string | undefined): boolean;
  isOwn(event: ChannelEvent): boolean;
}

const NAME = 'mine';
const KEPT_MAX = 50;

/** @param name Ours, by which we go where nothing better is known: without `crypto.subtle`, on plain http. */
export function createMine(kept: Kept, name: () => string): Mine {
  const all = new Set(kept.read<string[]>(NAME, []));
  const has = (from?: string) => from !== undefined && all.has(from);
  return {
    has,
    isOwn({ own, from }) {
      if (own && from !== undefined && !all.has(from)) {
        all.add(from);
        kept.write(NAME, [...all].slice(-KEPT_MAX));
      }
      return own || has(from) || (!crypto.subtle && nameOf(from) === name());
    },
  };
}
