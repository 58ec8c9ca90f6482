/**
 * `npm run soak:archive -- --events 1000000 --kills 100 --cuts 100`: changes are sent and merged while the archiver is killed (SIGKILL) and
 * started again, and its connections to Postgres are cut, in turn. In the end the archive must have each change once, in order, in
 * logs without a hole (I9); else the exit code is 1. With the defaults the result is written to loadtest/results/.
 *
 * Why it is valid: what is compared is what was answered 204 with what the tables have, and histories are short, so that an event that
 * was trimmed before it was archived is nowhere.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';
import { numbersOf } from '../../loadtest/bench/options.ts';
import { publish, table } from '../../loadtest/bench/report.ts';
import { inspectPostgres } from '../../src/archive/postgres/inspection.ts';
import { verify } from '../../src/archive/tool/verify.ts';
import { startPostgres } from '../support/postgres-server.ts';
import { type ServerProcess, startServer } from '../support/process.ts';
import { startRedis } from '../support/redis-server.ts';
import { waitFor } from '../support/wait.ts';

const { events, kills, cuts } = numbersOf({ events: 1_000_000, kills: 100, cuts: 100 });

const PUBLISHERS = 10;
const CHANNELS = 20;
const BATCH = 100;
/** About how long the archiver takes to come back and have its shards again. */
const KILL_S = 8;
const CUT_S = 1;
const DRAIN_MS = 600_000;

await using redis = await startRedis({ appendfsync: 'everysec' });
await using postgres = await startPostgres({ fsync: true });
const schema = postgres.newSchema();
const common = { REDIS_URL: redis.url, HISTORY_MAX_EVENTS: '100' };
const ofArchive = { DATABASE_URL: postgres.url, ARCHIVE_SCHEMA: schema, ARCHIVE_MIGRATE: '1' };
await using server = await startServer({
  env: { ...common, ROLES: 'bucket,merger', MAX_POSTS_PER_S_PER_ADDRESS: '0' },
});
const startOne = () => startServer({ env: { ...common, ...ofArchive, ROLES: 'archiver' } });
let archiver: ServerProcess = await startOne();

async function metric(name: string): Promise<number> {
  const { body } = await request(`${archiver.url}/metrics`);
  return Number(new RegExp(`^smallchange_${name} (\\S+)$`, 'm').exec(await body.text())?.[1] ?? 0);
}

const hasShards = () =>
  waitFor(async () => (await metric('archived_shards').catch(() => 0)) === 16, {
    what: 'the archiver to have its shards',
  });

const unanswered = { count: 0 };
/** By channel and publisher: how many were answered 204. */
const sent = new Map<string, number>();

async function send(publisher: number): Promise<void> {
  const from = `p${publisher}.soak`;
  const batches = Math.ceil(events / PUBLISHERS / BATCH);
  const everyMs = ((kills * KILL_S + cuts * CUT_S) * 1_000) / batches;
  const beganMs = performance.now();
  for (let i = 0; i < batches; i++) {
    const channel = `c${(publisher + i) % CHANNELS}`;
    const key = `${channel} ${from}`;
    const seq = (sent.get(key) ?? 0) + 1;
    const body = Array.from({ length: BATCH }, (_, n) => `${JSON.stringify(`${seq + n}`)}\n`).join('');
    const url = `${server.url}/c/${channel}?batch=1&from=${from}&seq=${seq}`;
    for (;;) {
      const answer = await request(url, { method: 'POST', body }).catch(() => null);
      await answer?.body.dump();
      if (answer?.statusCode === 204) break;
      unanswered.count++;
      await sleep(100);
    }
    sent.set(key, seq + BATCH - 1);
    await sleep(Math.max(0, beganMs + (i + 1) * everyMs - performance.now()));
  }
}

async function disrupt(): Promise<void> {
  for (let i = 0; i < Math.max(kills, cuts); i++) {
    if (i < cuts) {
      await sleep(Math.random() * CUT_S * 1_000);
      await postgres.cutConnections();
    }
    if (i < kills) {
      await sleep(Math.random() * 1_000);
      await archiver.kill9();
      archiver = await startOne();
      await hasShards();
    }
  }
}

await hasShards();
const beganMs = performance.now();
await Promise.all([disrupt(), ...Array.from({ length: PUBLISHERS }, (_, i) => send(i))]);
const sentS = (performance.now() - beganMs) / 1_000;
const total = [...sent.values()].reduce((sum, count) => sum + count, 0);

const inspection = inspectPostgres({ url: postgres.url, schema });
await waitFor(async () => (await inspection.status()).events >= total, {
  timeoutMs: DRAIN_MS,
  everyMs: 500,
  what: 'everything to be archived',
});
await archiver.stop();

const { faults, events: archived } = await verify(inspection, null);
const problems = [...faults];
const next = new Map<string, number>();
for (let i = 0; i < CHANNELS; i++) {
  const logs = await inspection.logs(`c${i}`, '0', 100);
  if (logs.length !== 1) problems.push(`c${i} has ${logs.length} logs`);
  for (const { id } of logs) {
    for (let after = 0; ; ) {
      const pieces = await inspection.pieces(id, after, 64);
      if (pieces.length === 0) break;
      for (const { from, seq, bytes } of pieces.flatMap((piece) => piece.events)) {
        const key = `c${i} ${from}`;
        const wanted = (next.get(key) ?? 0) + 1;
        if (seq !== wanted || Buffer.from(bytes).toString() !== `${seq}`)
          problems.push(`${key}: ${seq}, and not ${wanted}`);
        next.set(key, seq);
      }
      after = pieces.at(-1)!.last;
    }
  }
}
for (const [key, count] of sent)
  if (next.get(key) !== count) problems.push(`${key}: ${count} sent, up to ${next.get(key)} archived`);
await inspection.close();

for (const problem of problems.slice(0, 20)) console.log(problem);
const title = `An archive while its archiver is killed and cut off: ${problems.length === 0 ? 'each change once, in order' : 'NOT as promised'}`;
const rows = [
  ['changes answered 204', `${total}`],
  ['events in the archive', `${archived}`],
  ['archivers killed', `${kills}`],
  ['times that connections were cut', `${cuts}`],
  ['POSTs sent again', `${unanswered.count}`],
  ['seconds', sentS.toFixed(0)],
  ['problems', `${problems.length}`],
];
publish('archive-soak', title, table(['', ''], rows));
process.exitCode = problems.length === 0 ? 0 : 1;
