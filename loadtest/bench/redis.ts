/** A Redis of a benchmark's own, in a directory of its own, and what is asked of it. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from '../fleet/port.ts';
import { type Running, start } from './process.ts';

export const aofModes = ['off', 'everysec', 'always'] as const;
export type AofMode = (typeof aofModes)[number];

export interface RedisRunning extends Running {
  readonly url: string;
  readonly dir: string;
  /** Changes accepted and not yet merged, over all shards. */
  inboxEntries(): Promise<number>;
  /** What it says it uses. */
  usedBytes(): Promise<number>;
  /** How often scripts have been called so far. */
  scriptCalls(): Promise<number>;
}

export async function startRedis(aof: AofMode): Promise<RedisRunning> {
  const port = await freePort();
  const dir = mkdtempSync(join(tmpdir(), 'smallchange-bench-'));
  const durability = aof === 'off' ? ['--appendonly', 'no'] : ['--appendonly', 'yes', '--appendfsync', aof];
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', dir, ...durability];
  const onStop = () => rmSync(dir, { recursive: true, force: true });
  const running = await start({ name: `redis (aof ${aof})`, command: 'redis-server', args, port, onStop });

  async function ask<T>(question: (client: Redis) => Promise<T>): Promise<T> {
    const client = new Redis(port, '127.0.0.1', { disableClientInfo: true });
    try {
      return await question(client);
    } finally {
      client.disconnect();
    }
  }

  return {
    ...running,
    url: `redis://127.0.0.1:${port}`,
    dir,
    inboxEntries: () =>
      ask(async (client) => {
        const inboxes = await client.keys('sc:{*}:inbox');
        const lengths = await Promise.all(inboxes.map((inbox) => client.llen(inbox)));
        return lengths.reduce((sum, length) => sum + length, 0);
      }),
    usedBytes: () => ask(async (client) => Number(/^used_memory:(\d+)/m.exec(await client.info('memory'))?.[1])),
    scriptCalls: () =>
      ask(async (client) => {
        const stats = await client.info('commandstats');
        const calls = [...stats.matchAll(/^cmdstat_eval(?:sha)?:calls=(\d+)/gm)];
        return calls.reduce((sum, [, count]) => sum + Number(count), 0);
      }),
  };
}
