/** What one commit takes: entries of so many channels that it keeps Redis busy for a few milliseconds, not more. */
import type { ReadableEntry } from './readable.ts';

const CHANNELS_MAX = 200;

/** As many of the first entries as are of not more channels than one commit takes. */
export function ofFewChannels(entries: readonly ReadableEntry[]): readonly ReadableEntry[] {
  if (entries.length <= CHANNELS_MAX) return entries;
  const channels = new Set<string>();
  for (const [i, entry] of entries.entries()) {
    if (entry.kind === 'change') channels.add(entry.change.channel);
    if (channels.size > CHANNELS_MAX) return entries.slice(0, i);
  }
  return entries;
}
