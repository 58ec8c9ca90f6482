/** Redis killed, frozen, out of disk or slow to write; and Redis given back less than it had. */
import { spawnSync } from 'node:child_process';
import { cpSync, readdirSync, rmSync, statfsSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LabRedis } from '../fleet/redis.ts';
import { type Fault, pickStep } from './fault.ts';

const killRedis: Fault = {
  name: 'kill-redis',
  hits: 'redis',
  lastsMs: [100, 1_500],
  async start({ redis }, random) {
    await redis.child.hold();
    const awayMs = random.int(1_500);
    return {
      detail: `away ${awayMs} ms more`,
      async stop() {
        await sleep(awayMs);
        redis.child.release();
        await redis.ready();
      },
    };
  },
};

const freezeRedis: Fault = {
  name: 'freeze-redis',
  hits: 'redis',
  lastsMs: [300, 4_000],
  longMs: 12_000,
  async start({ redis }) {
    redis.child.signal('SIGSTOP');
    return { detail: '', stop: async () => redis.child.signal('SIGCONT') };
  },
};

/** With `always`, Redis ends itself at the first write that fails; it comes back once there is room. */
const fillDisk: Fault = {
  name: 'disk-full',
  hits: 'redis',
  lastsMs: [500, 2_000],
  needs: { tmpfsMb: 64 },
  async start({ redis }) {
    const filler = join(redis.dataDir, '..', 'filler');
    const { bavail, bsize } = statfsSync(redis.dataDir);
    writeFileSync(filler, Buffer.alloc(Math.max(0, (bavail - 1) * bsize)));
    return {
      detail: `${redis.child.starts} starts so far`,
      async stop() {
        rmSync(filler);
        await redis.ready();
      },
    };
  },
};

const slowFsync: Fault = {
  name: 'slow-fsync',
  hits: 'fsync',
  lastsMs: [1_000, 3_000],
  needs: { slowFsync: true },
  async start({ ground, redis }, random) {
    const ms = 20 + random.int(600);
    ground.setFsyncMs(ms);
    return {
      detail: `${ms} ms`,
      async stop() {
        ground.setFsyncMs(0);
        await redis.ready();
      },
    };
  },
};

/** The wall clock of Redis is set off, perhaps once more and the other way, and right again. */
const stepClock: Fault = {
  name: 'clock-redis',
  hits: 'clock of redis',
  lastsMs: [1_000, 12_000],
  needs: { redisClock: true },
  async start({ ground }, random) {
    const steps = [pickStep(random), ...(random.chance(0.5) ? [pickStep(random)] : [])];
    ground.setRedisClock(steps[0]!);
    const timer = setTimeout(() => ground.setRedisClock(steps.at(-1)!), random.int(3_000));
    return {
      detail: `${steps.join(' s, then ')} s`,
      async stop() {
        clearTimeout(timer);
        ground.setRedisClock(0);
      },
    };
  },
};

/** Commands of our scripts without which none of them may write anything, or say so. */
const COMMANDS = ['rpush', 'ltrim', 'hset', 'hget', 'zadd', 'spublish', 'lrange', 'evalsha', 'unlink'] as const;

/** Somebody takes rights from our user, and gives them back. */
const missingRights: Fault = {
  name: 'rights-redis',
  // One that is away or frozen cannot be told.
  hits: 'redis',
  lastsMs: [500, 4_000],
  async start({ redis }, random) {
    const taken = [...new Set([random.pick(COMMANDS), random.pick(COMMANDS)])].map((command) => `-${command}`);
    await redis.cli('acl', 'setuser', 'default', ...taken);
    return { detail: taken.join(' '), stop: async () => void (await redis.cli('acl', 'setuser', 'default', '+@all')) };
  },
};

/** The file Redis appends to: the last of the increments. */
function appendFile(redis: LabRedis): string {
  const folder = join(redis.dataDir, 'appendonlydir');
  const number = (name: string) => Number(/\.(\d+)\.incr\.aof$/.exec(name)?.[1] ?? 0);
  const newest = readdirSync(folder).sort((a, b) => number(b) - number(a))[0]!;
  return join(folder, newest);
}

/**
 * What an operator does with a file that ends in the middle of something. Redis 7.0 itself (`aof-load-truncated yes`) cuts it
 * at the last whole command, even within a transaction: the half that stays is then run at the restart after the next,
 * together with the transaction that follows it. The tool cuts before the transaction.
 */
function mend(redis: LabRedis): void {
  const { status, stdout } = spawnSync('redis-check-aof', ['--fix', appendFile(redis)], {
    input: 'y\n',
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`redis-check-aof: ${stdout}`);
}

/** kill -9, and the last bytes of its file are gone: what they held and what was built on it. */
export const truncateAof: Fault = {
  name: 'truncate-aof',
  hits: 'redis',
  lastsMs: [300, 800],
  isLossy: true,
  async start({ redis }, random, recorder) {
    const before = statSync(appendFile(redis)).size;
    const since = recorder.now;
    await sleep(300 + random.int(1_000));
    await redis.child.hold();
    const until = recorder.now;
    const path = appendFile(redis);
    const lost = Math.min(1 + random.int(4_096), statSync(path).size - before);
    truncateSync(path, statSync(path).size - lost);
    mend(redis);
    redis.child.release();
    await redis.ready();
    recorder.add({ t: 'loss', since, until });
    return { detail: `${lost} bytes`, stop: () => redis.ready() };
  },
};

/** A copy of its directory, made while it works. */
export function copyData(redis: LabRedis): string {
  const copy = `${redis.dataDir}-copy`;
  cpSync(redis.dataDir, copy, { recursive: true });
  return copy;
}

/** Puts the copy in the place of what the directory has become since. Resolves when Redis serves from it. */
export async function putBack(redis: LabRedis, copy: string): Promise<void> {
  await redis.child.hold();
  rmSync(redis.dataDir, { recursive: true });
  cpSync(copy, redis.dataDir, { recursive: true });
  rmSync(copy, { recursive: true });
  mend(redis);
  redis.child.release();
  await redis.ready();
}

export const restoreCopy: Fault = {
  name: 'restore-copy',
  hits: 'redis',
  lastsMs: [300, 800],
  isLossy: true,
  async start({ redis }, random, recorder) {
    const since = recorder.now;
    const copy = copyData(redis);
    await sleep(500 + random.int(2_000));
    await putBack(redis, copy);
    const until = recorder.now;
    recorder.add({ t: 'loss', since, until });
    return { detail: `${Math.round(until - since)} ms`, stop: () => redis.ready() };
  },
};

export const storeFaults: readonly Fault[] = [
  ...[killRedis, freezeRedis, fillDisk, slowFsync, stepClock, missingRights],
  ...[truncateAof, restoreCopy],
];
