/**
 * `npm run soak:fresh -- --readers 200 --rate 2000 --seconds 60`: a fleet whose mergers take turns at being killed, and readers with
 * `fresh=1` on two gateways (P45). The exit code is 1 where a read missed a change that was answered before it was asked. With
 * the defaults the result is written to loadtest/results/.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { numbersOf } from '../../loadtest/bench/options.ts';
import { publish, table } from '../../loadtest/bench/report.ts';
import { startFleet } from '../e2e/fleet.ts';
import { readFresh } from './readers.ts';

const { readers, rate, seconds, kills } = numbersOf({ readers: 200, rate: 2_000, seconds: 60, kills: 5 });
const CHANNELS = 20;

await using fleet = await startFleet({
  env: { REDUCERS: 'tally*=tally', MAX_POSTS_PER_S_PER_ADDRESS: '0' },
  roles: ['bucket', 'merger', 'merger', 'gateway', 'gateway'],
});
const urlsOf = (role: 'bucket' | 'gateway') => fleet.of(role).map(({ url }) => url);

async function killMergers(): Promise<void> {
  for (let kill = 0; kill < kills; kill++) {
    await sleep((seconds * 1000) / (kills + 1));
    await fleet.of('merger')[kill]!.kill9();
    await fleet.add('merger');
  }
}

const run = readFresh({
  ...{ postUrl: urlsOf('bucket')[0]!, streamUrls: urlsOf('gateway'), readers, changesPerS: rate, seconds },
  channels: Array.from({ length: CHANNELS }, (_, i) => `tally${i}`),
});
const [{ changes, reads, late, missed, p50, p99 }] = await Promise.all([run, killMergers()]);
publish(
  'fresh-soak',
  'States with fresh=1 while mergers are killed',
  [
    `${readers} readers on two gateways, one read after the other, ${rate} changes a second to ${CHANNELS} channels, ${seconds} s, ${kills} mergers killed (SIGKILL).`,
    '',
    table(
      ['changes', 'reads', 'p50 ms', 'p99 ms', '503, the merge was behind', 'reads that missed a change'],
      [[changes, reads, p50.toFixed(1), p99.toFixed(1), late, missed.length].map(String)],
    ),
    ...missed.slice(0, 20).map((sentence) => `\n* ${sentence}`),
  ].join('\n'),
);
if (missed.length > 0 || reads === 0) process.exitCode = 1;
