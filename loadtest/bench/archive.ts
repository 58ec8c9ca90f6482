/**
 * How fast an archiver moves what waits in Redis to Postgres, and what those who send and receive notice of it.
 *
 * Why this is valid: everything that waits was merged before it begins, so the time is that of reading, writing and marking alone; Postgres has
 * `fsync` and `synchronous_commit` on. Bucket, merger, gateway and archiver are processes of their own. The latency of changes
 * is measured by an open load, without the archiver and while it works; with all of it on two cores, the tail is mostly processes
 * waiting for each other. Hence `--apart 1`: the archiver and its Postgres have one core, as they have machines of their own in a
 * fleet, and all others with Redis and the client share the other one, in both measurements.
 *
 * npm run bench -- archive [--rounds 3] [--events 500000] [--channels 200] [--bytes 1] [--rate 200] [--seconds 5] [--apart 0]
 */
import { metricOf, startArchiveFleet, until } from './archive-fleet.ts';
import type { LatencyResult } from './latency-client.ts';
import { numbersOf } from './options.ts';
import { publish, spreadOf, table, written } from './report.ts';

const { rounds, events, channels, bytes, rate, seconds, apart } = numbersOf({
  ...{ rounds: 3, events: 500_000, channels: 200, bytes: 1, rate: 200, seconds: 5, apart: 0 },
});

interface Figures {
  readonly perS: number;
  readonly archiverCpu: number;
  readonly quiet: LatencyResult;
  readonly meanwhile: LatencyResult;
}

async function measure(): Promise<Figures> {
  const fleet = await startArchiveFleet(1 << 30, apart > 0);
  try {
    // From then on Redis keeps what is not archived.
    await (await fleet.startArchiver()).stop();
    await fleet.fill(events, channels, bytes);
    const quiet = await fleet.latency(rate, seconds);
    const archiver = await fleet.startArchiver();
    const [beganMs, cpuS] = [performance.now(), archiver.cpuS()];
    const done = await metricOf(archiver, 'events_archived_total');
    const measured = fleet.latency(rate, seconds);
    await until(async () => (await metricOf(archiver, 'events_archived_total')) >= events);
    const tookS = (performance.now() - beganMs) / 1_000;
    return {
      perS: (events - done) / tookS,
      archiverCpu: (archiver.cpuS() - cpuS) / tookS,
      quiet,
      meanwhile: await measured,
    };
  } finally {
    await fleet.stop();
  }
}

const done: Figures[] = [];
for (let round = 1; round <= rounds; round++) {
  const figures = await measure();
  done.push(figures);
  const { perS, archiverCpu, quiet, meanwhile } = figures;
  console.log(
    `round ${round}: ${perS.toFixed()} events/s at ${archiverCpu.toFixed(2)} cores; POST → SSE p99 ${quiet.sse.p99.toFixed(2)} ms, meanwhile ${meanwhile.sse.p99.toFixed(2)} ms`,
  );
}
const of = (figure: (one: Figures) => number, digits: number) => written(spreadOf(done.map(figure)), digits);
publish(
  apart > 0 ? 'archive-apart' : 'archive',
  'Redis to Postgres, by one archiver',
  [
    `${rounds} rounds, each with ${events.toLocaleString('en')} events of ${bytes} bytes in ${channels} channels; changes meanwhile: ${rate}/s. Median (min–max).`,
    apart > 0
      ? 'The archiver and Postgres on one core; Redis, bucket, merger, gateway and the client on the other.'
      : 'All on the same cores.',
    '',
    table(
      ['', ''],
      [
        ['events/s', of(({ perS }) => perS, 0)],
        ['cores that the archiver takes', of(({ archiverCpu }) => archiverCpu, 2)],
        ['POST → SSE p99 without it, ms', of(({ quiet }) => quiet.sse.p99, 2)],
        ['POST → SSE p99 meanwhile, ms', of(({ meanwhile }) => meanwhile.sse.p99, 2)],
        ['ratio of the two', of(({ quiet, meanwhile }) => meanwhile.sse.p99 / quiet.sse.p99, 2)],
      ],
    ),
  ].join('\n'),
);
