/** A private Redis with the users of the manifests: one for each role, who may do what that role has to. */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ask } from './redis-ask.ts';
import { type RedisServer, type RedisSettings, startRedis } from './redis-server.ts';

const PASSWORD = 'development-only';
const USERS = readFileSync(new URL('../../k8s/overlays/dev/users.acl', import.meta.url), 'utf8');

export interface RedisWithUsers extends AsyncDisposable {
  /** `cli` asks as somebody without a name, who may do nothing. */
  readonly redis: RedisServer;
  /** For a process with that role. */
  urlOf(role: string): string;
  /** Asks as the user of that role. */
  ask(role: string, ...words: string[]): Promise<string>;
}

export async function startRedisWithUsers(settings: RedisSettings = {}): Promise<RedisWithUsers> {
  const dir = await mkdtemp(join(tmpdir(), 'smallchange-users-'));
  const remove = () => rm(dir, { recursive: true, force: true });
  const aclfile = join(dir, 'users.acl');
  let redis: RedisServer;
  try {
    await writeFile(aclfile, USERS);
    redis = await startRedis({ ...settings, aclfile });
  } catch (error) {
    await remove();
    throw error;
  }
  const nameOf = (role: string) => `smallchange-${role}`;
  return {
    redis,
    urlOf: (role) => redis.url.replace('//', `//${nameOf(role)}:${PASSWORD}@`),
    ask: (role, ...words) => ask({ port: redis.port, username: nameOf(role), password: PASSWORD }, ...words),
    async [Symbol.asyncDispose]() {
      await redis.stop();
      await remove();
    },
  };
}
