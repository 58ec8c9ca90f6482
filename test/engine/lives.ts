/** A Redis that ends and comes back, perhaps with less, and what is said and asked in each of its lives. */
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ArchiveSource } from '../../src/archive/archive.ts';
import { systemClock } from '../../src/clock.ts';
import type { Channel } from '../../src/domain/channel.ts';
import { cursorOf } from '../../src/domain/cursor.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { createRedisEngine } from '../../src/engine/redis/engine.ts';
import { Hub } from '../../src/gateway/hub/hub.ts';
import { type ChannelStart, findStart } from '../../src/gateway/stream/start.ts';
import type { Logger } from '../../src/log.ts';
import { change, generousOptions } from '../contract/engine/kit.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { waitFor } from '../support/wait.ts';
import { createLogMerger } from './log-merger.ts';

const ignore = () => {};
const log = { info: ignore, warn: ignore, error: ignore };

/** An engine with a merger on it. */
export async function startLife(redis: RedisServer, archive?: ArchiveSource, mergerLog?: Logger) {
  const engine = await createRedisEngine({ ...generousOptions, shards: 1, url: redis.url, prefix: 'sc', log });
  const merger = createLogMerger(engine, archive, mergerLog);
  await merger.start();
  const end = async () => {
    await merger.stop();
    await engine.close();
  };
  return { engine, merger, [Symbol.asyncDispose]: end };
}

export async function boundsOf(engine: Engine, channel: Channel) {
  return (await engine.readHistory(channel, null, 0)).log;
}

export const SETTLED = [() => true, () => false] as const;

/** Sends these and waits until they are events. */
export async function send(engine: Engine, channel: Channel, ...texts: string[]): Promise<void> {
  const { head, base } = await boundsOf(engine, channel);
  const seen = head === base ? 0 : head;
  await waitFor(() => engine.append(texts.map((text) => change(channel, text))).then(...SETTLED), {
    what: 'an append',
  });
  const isMerged = async () => {
    const now = await boundsOf(engine, channel);
    return now.head > now.base && now.head >= Math.max(seen, now.base) + texts.length;
  };
  await waitFor(isMerged, { what: `${texts} to be merged` });
}

/** How a reader starts that comes with the cursor of the newest event it saw, and the texts of what it is given first. */
export async function startAt(engine: Engine, channel: Channel, epoch: string, offset: number) {
  const hub = new Hub(channel, { engine, account: ignore, onError: ignore });
  await hub.opened;
  const since = cursorOf(channel, { epoch, offset });
  const wish = { since, isLastEventId: true, snapshot: false };
  const [start] = (await findStart({ histories: engine, clock: systemClock }, [hub], wish)) as [ChannelStart];
  const page = await hub.page(start.position);
  hub.close();
  return { start, texts: page.kind === 'events' ? page.events.map(({ bytes }) => Buffer.from(bytes).toString()) : [] };
}

/** Kills Redis, and starts it from the copy, where there is one. */
export async function comeBack(redis: RedisServer, appendfsync: 'always' | 'everysec', copy?: string): Promise<void> {
  await redis.kill9();
  if (copy !== undefined) {
    rmSync(join(redis.dir, 'appendonlydir'), { recursive: true });
    cpSync(copy, join(redis.dir, 'appendonlydir'), { recursive: true });
  }
  await redis.restart({ appendfsync });
}

/** A copy of what Redis has on its disk. */
export function copyOf(redis: RedisServer, name = 'copy'): string {
  const copy = `${redis.dir}-${name}`;
  cpSync(join(redis.dir, 'appendonlydir'), copy, { recursive: true });
  return copy;
}
