/** The settings of the archive. */
import { dayRules, matching, postgresUrl, wholeNumber, yesOrNo } from './kinds.ts';
import { optional, setting } from './setting.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

export const archiveSettings = {
  databaseUrl: optional(
    'DATABASE_URL',
    postgresUrl,
    'none',
    'A Postgres that keeps every event, and in which who comes back after a long time finds what was missed; without it there is no archive.',
  ),
  archiveSchema: setting(
    'ARCHIVE_SCHEMA',
    matching('1–40 of `a–z 0–9 _`, the first a letter', /^[a-z][a-z0-9_]{0,39}$/),
    'smallchange',
    'The schema of its tables, so that several fleets can share a database.',
  ),
  archiveMigrate: setting(
    'ARCHIVE_MIGRATE',
    yesOrNo,
    '0',
    'With 1 a process that starts brings those tables up to its version; else `npm run archive -- migrate` does.',
  ),
  archiveDays: setting(
    'ARCHIVE_DAYS',
    dayRules,
    '*=0',
    'For how many days the archive, or `DATA_DIR`, keeps events, by channel name, with `*` for any characters; 0: for ever; the first match wins, without one 0.',
  ),
  archiveBacklogMaxBytes: setting(
    'ARCHIVE_BACKLOG_MAX_BYTES',
    wholeNumber(64 * KIB, 16 * GIB),
    String(64 * MIB),
    'Events a shard keeps that are not archived yet, about, before POSTs get 503.',
  ),
  replayMaxEvents: setting(
    'REPLAY_MAX_EVENTS',
    wholeNumber(1, 100_000_000),
    '100000',
    'Events that a stream or poll is given from before it came; who missed more is told `reset`. Pages of `/history` have no such bound.',
  ),
};
