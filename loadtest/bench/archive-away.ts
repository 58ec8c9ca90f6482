/**
 * Postgres stopped for a minute while changes come: what those who send and receive notice, how much Redis holds meanwhile, and how fast
 * what waited is archived once it is back.
 *
 * Why this is valid: as of `archive.ts`; the same load is measured before Postgres is stopped and while it is away, by the same processes.
 *
 * npm run bench -- archive-away [--seconds 60] [--rate 500] [--more 200000] [--backlog 67108864]
 * `--more` changes come on top while it is away, so that there is something to catch up with.
 */
import { metricOf, startArchiveFleet, until } from './archive-fleet.ts';
import { numbersOf } from './options.ts';
import { publish, table } from './report.ts';

const { seconds, rate, more, backlog } = numbersOf({ seconds: 60, rate: 500, more: 200_000, backlog: 64 << 20 });
const CHANNELS = 200;
const QUIET_S = 20;

const fleet = await startArchiveFleet(backlog);
try {
  const archiver = await fleet.startArchiver();
  const archived = () => metricOf(archiver, 'events_archived_total');
  const quiet = await fleet.latency(rate, QUIET_S);
  const isLevel = async () => (await archived()) >= (await fleet.merged());
  await until(isLevel);
  const redisBefore = await fleet.redisBytes();
  const before = await archived();
  await fleet.postgres.crash();
  const away = await fleet.latency(rate, seconds);
  await fleet.fill(more, CHANNELS, 1);
  const redisAway = await fleet.redisBytes();
  await fleet.postgres.restart();
  const beganMs = performance.now();
  await until(async () => (await archived()) > before);
  const backMs = performance.now();
  const first = await archived();
  await until(isLevel);
  const caughtUpS = (performance.now() - backMs) / 1_000;
  const ms = (value: number) => value.toFixed(2);
  const mib = (bytes: number) => (bytes / 2 ** 20).toFixed(1);
  publish(
    'archive-away',
    `Postgres away for ${seconds} s`,
    table(
      ['', ''],
      [
        ['POST → 204 p99 before, ms', ms(quiet.post.p99)],
        ['POST → 204 p99 while it is away, ms', ms(away.post.p99)],
        ['ratio of the two', ms(away.post.p99 / quiet.post.p99)],
        ['POST → SSE p99 before, ms', ms(quiet.sse.p99)],
        ['POST → SSE p99 while it is away, ms', ms(away.sse.p99)],
        ['Redis before, MiB', mib(redisBefore)],
        ['Redis at the end, MiB', mib(redisAway)],
        ['which may be more by, MiB', mib(16 * backlog)],
        ['until the first was archived after its restart, s', ms((backMs - beganMs) / 1_000)],
        ['events/s from then on', (((await archived()) - first) / caughtUpS).toFixed()],
      ],
    ),
  );
} finally {
  await fleet.stop();
}
