/**
 * Channel names, and which shard a channel lives on.
 *
 * A name is safe as a URL segment, a Redis key, a log field and a metric label without any escaping, so nothing
 * downstream ever has to quote one.
 */

/** 1–64 of `A–Z a–z 0–9 . _ -`, the first alphanumeric (P2). */
export const CHANNEL_PATTERN = '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$';

/** The same for people: what a request that names another is answered. */
export const CHANNEL_RULE = 'A channel is 1 to 64 of A–Z a–z 0–9 . _ - and begins with a letter or digit.';

const channelPattern = new RegExp(CHANNEL_PATTERN);

export type Channel = string;

export function isChannel(text: string): boolean {
  return channelPattern.test(text);
}

/**
 * 32-bit FNV-1a over the ASCII of a name, finished with murmur3's mixer: FNV alone leaves its low bits poorly mixed
 * for names that differ only in the last character, and the shard is taken from the low bits.
 */
export function hashOf(name: Channel): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) h = Math.imul(h ^ name.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** The shard of a channel, 0 ≤ result < `shards`. The same on every process and for ever: changing it moves data. */
export function shardOf(channel: Channel, shards: number): number {
  return hashOf(channel) % shards;
}
