/** The settings of where the data are: a Redis, or a directory. */
import { matching, oneOf, redisUrls, wholeNumber } from './kinds.ts';
import { optional, setting } from './setting.ts';

export const storeSettings = {
  redisUrl: optional(
    'REDIS_URL',
    redisUrls,
    'none',
    'Where the processes of a fleet meet; without it everything is in this process. Of Sentinels, with the user and password of Redis in the first.',
  ),
  dataDir: optional(
    'DATA_DIR',
    matching('a directory', /^[^\0]+$/),
    'none',
    'Of one machine without `REDIS_URL`: where all that it has accepted outlives it. Without both everything is in memory.',
  ),
  redisMode: setting(
    'REDIS_MODE',
    oneOf(['standalone', 'cluster', 'sentinel']),
    'standalone',
    'What `REDIS_URL` points to.',
  ),
  redisSentinelMaster: setting(
    'REDIS_SENTINEL_MASTER',
    matching('1–64 of `A–Z a–z 0–9 . _ -`', /^[A-Za-z0-9._-]{1,64}$/),
    'mymaster',
    'The name by which the Sentinels know the primary.',
  ),
  redisWaitReplicas: setting(
    'REDIS_WAIT_REPLICAS',
    wholeNumber(0, 5),
    '0',
    'How many replicas must have a change before its 204; with as many as there are, a failover loses none.',
  ),
  redisStartWaitMs: setting(
    'REDIS_START_WAIT_MS',
    wholeNumber(0, 600_000),
    '10000',
    'How long a process that starts waits for a Redis that cannot be reached; then it exits with 1.',
  ),
  redisPrefix: setting(
    'REDIS_PREFIX',
    matching('1–32 of `A–Z a–z 0–9 . _ -`', /^[A-Za-z0-9._-]{1,32}$/),
    'sc',
    'What every key in Redis begins with.',
  ),
};
