/**
 * `npm run soak:box -- --kills 100 --rate 1000`: a box with a directory is killed again and again while changes are sent (`kills.ts`). The
 * exit code is 1 where anything was lost, repeated, out of order, reset, or of another epoch. With the defaults the result is
 * written to loadtest/results/.
 */
import { numbersOf } from '../../loadtest/bench/options.ts';
import { publish, table } from '../../loadtest/bench/report.ts';
import { killAgainAndAgain } from './kills.ts';

const { kills, rate, seed } = numbersOf({ kills: 100, rate: 1_000, seed: 1 });
const LIVES_MS = 2_000;

const { sent, repeated, problems } = await killAgainAndAgain({ kills, changesPerS: rate, livesMs: LIVES_MS, seed });
publish(
  'box-soak',
  'A single box that is killed again and again',
  [
    `Changes of 32 publishers to 8 channels, ${rate} a second while it is there; after each start it lives for up to ${LIVES_MS / 1000} s.`,
    `Seed ${seed}.`,
    '',
    table(
      ['kills (SIGKILL)', 'changes accepted', 'tries that had to be repeated', 'lost, repeated, out of order, reset'],
      [[kills, sent, repeated, problems.length].map(String)],
    ),
    ...problems.slice(0, 20).map((problem) => `\n* ${problem}`),
  ].join('\n'),
);
if (problems.length > 0) process.exitCode = 1;
