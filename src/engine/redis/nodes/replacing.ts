/** Gives up a connection for a new one; what is in flight is rejected. */
import type { Redis } from 'ioredis';

export function replaceConnection(redis: Redis): void {
  // In any other state a new one is on its way already, and a Sentinel client would be ended by this (ioredis 6.0.0).
  if (redis.status === 'ready' && redis.stream.writable) redis.disconnect(true);
}
