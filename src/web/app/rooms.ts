/** Which room the address names: `/#kitchen`. A room is a channel. */
import { CHANNEL_RULE, isChannel } from '../../domain/channel.ts';

export const DEFAULT_ROOM = 'demo';
export const ROOM_RULE = CHANNEL_RULE.replace('A channel', 'The name of a room');

export interface Named {
  /** As it was written. */
  readonly text: string;
  readonly isRoom: boolean;
}

/** @param hash `location.hash`. */
export function roomOf(hash: string): Named {
  let text = hash.slice(1) || DEFAULT_ROOM;
  try {
    text = decodeURIComponent(text);
  } catch {
    // Not encoded: as it is.
  }
  return { text, isRoom: isChannel(text) };
}
