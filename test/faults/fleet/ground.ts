/**
 * What some faults need of the machine before anything is started: a network namespace for Redis, a small file system for its
 * files, a slow fsync under it, a false clock under the roles. All of it is private to the run and undone after it.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { slowFsync } from '../../support/slow-fsync.ts';
import { createSteppedClock } from '../../support/stepped-clock.ts';
import { globSync } from './glob.ts';

export interface GroundNeeds {
  /** Redis lives behind a veth pair, where packets can be lost. */
  readonly network?: boolean;
  /** Redis' files are on a tmpfs of so many MB. */
  readonly tmpfsMb?: number;
  /** fsync and fdatasync of Redis wait as long as a file says. */
  readonly slowFsync?: boolean;
  /** The wall clock of every role is what a file says. */
  readonly clocks?: boolean;
  /** The same of Redis. */
  readonly redisClock?: boolean;
  /** The last release is built beside the head. */
  readonly lastRelease?: boolean;
  /** The second bucket and the second gateway are a supervisor and two workers. */
  readonly workers?: boolean;
  /** There is an archive in a Postgres, and two archivers. */
  readonly archive?: boolean;
}

const SUPERVISED = ['bucket-1', 'gateway-1'];

export interface Ground {
  readonly redisDir: string;
  readonly redis: {
    readonly host?: string;
    readonly prefix?: readonly string[];
    readonly env?: Readonly<Record<string, string>>;
  };
  roleEnv(name: string): Readonly<Record<string, string>>;
  /** Of the packets to and from Redis, per cent. */
  setLoss(percent: number): void;
  setFsyncMs(ms: number): void;
  /** Moves the wall clock of a role, seconds from the true one. */
  setClock(name: string, seconds: number): void;
  setRedisClock(seconds: number): void;
  clear(): void;
}

export function must(program: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status === 0) return stdout;
  throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? stderr}`);
}

export function prepareGround(dir: string, needs: GroundNeeds): Ground {
  const undo: (() => void)[] = [];
  const clear = () => {
    process.off('exit', clear);
    for (const step of undo.splice(0).toReversed()) step();
  };
  // A run that breaks off leaves nothing behind on the machine either.
  process.once('exit', clear);
  const redisDir = join(dir, 'redis');
  mkdirSync(redisDir);
  let redis: Ground['redis'] = {};
  const fsyncFile = join(dir, 'fsync-ms');
  const clockFile = (name: string) => join(dir, `clock-${name}`);
  let namespace = '';

  if (needs.tmpfsMb !== undefined) {
    must('mount', '-t', 'tmpfs', '-o', `size=${needs.tmpfsMb}m`, 'smallchange-faults', redisDir);
    undo.push(() => must('umount', '-l', redisDir));
  }
  if (needs.slowFsync) {
    redis = { ...redis, env: slowFsync(dir, fsyncFile) };
  }
  const redisClock = needs.redisClock ? createSteppedClock(dir) : undefined;
  if (redisClock) {
    const libraries = [redis.env?.LD_PRELOAD, redisClock.env.LD_PRELOAD].filter((each) => each !== undefined);
    redis = { ...redis, env: { ...redis.env, ...redisClock.env, LD_PRELOAD: libraries.join(':') } };
  }
  if (needs.network) {
    // Of the process and the millisecond: several runs may stand side by side on one machine.
    const number = (process.pid * 31 + Date.now()) % 8_192;
    const net = `10.${200 + (number >> 8)}.${number & 255}`;
    namespace = `scf${number}`;
    must('ip', 'netns', 'add', namespace);
    undo.push(() => must('ip', 'netns', 'del', namespace));
    must('ip', 'link', 'add', `${namespace}a`, 'type', 'veth', 'peer', 'name', `${namespace}b`, 'netns', namespace);
    must('ip', 'addr', 'add', `${net}.1/30`, 'dev', `${namespace}a`);
    must('ip', 'link', 'set', `${namespace}a`, 'up');
    const inside = ['netns', 'exec', namespace];
    must('ip', ...inside, 'ip', 'addr', 'add', `${net}.2/30`, 'dev', `${namespace}b`);
    must('ip', ...inside, 'ip', 'link', 'set', `${namespace}b`, 'up');
    must('ip', ...inside, 'ip', 'link', 'set', 'lo', 'up');
    must('ip', ...inside, 'nft', 'add table ip faults');
    for (const hook of ['input', 'output']) {
      must('ip', ...inside, 'nft', `add chain ip faults ${hook} { type filter hook ${hook} priority 0 ; }`);
    }
    redis = { ...redis, host: `${net}.2`, prefix: ['ip', ...inside] };
  }
  const faketime = needs.clocks ? faketimeLibrary() : '';

  return {
    redisDir,
    redis,
    roleEnv(name) {
      const workers = needs.workers && SUPERVISED.includes(name) ? { WORKERS: '2' } : {};
      if (!needs.clocks) return workers;
      writeFileSync(clockFile(name), '+0');
      return {
        ...workers,
        LD_PRELOAD: faketime,
        FAKETIME_TIMESTAMP_FILE: clockFile(name),
        FAKETIME_CACHE_DURATION: '1',
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
        // Old names of the same, read by libfaketime 0.9.10.
        DONT_FAKE_MONOTONIC: '1',
      };
    },
    setLoss(percent) {
      for (const hook of ['input', 'output']) {
        must('ip', 'netns', 'exec', namespace, 'nft', `flush chain ip faults ${hook}`);
        if (percent === 0) continue;
        const rule = `add rule ip faults ${hook} meta iifname != "lo" numgen random mod 100 < ${percent} drop`;
        must('ip', 'netns', 'exec', namespace, 'nft', hook === 'input' ? rule : rule.replace('iifname', 'oifname'));
      }
    },
    setFsyncMs: (ms) => writeFileSync(fsyncFile, String(ms)),
    setClock: (name, seconds) => writeFileSync(clockFile(name), `${seconds < 0 ? '' : '+'}${seconds}`),
    setRedisClock: (seconds) => redisClock?.set(seconds),
    clear,
  };
}

function faketimeLibrary(): string {
  const found = globSync('/usr/lib', 'libfaketime.so.1');
  if (found === undefined || !existsSync(found)) throw new Error('libfaketime is missing: apt-get install faketime');
  return found;
}
