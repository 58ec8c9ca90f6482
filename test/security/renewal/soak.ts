/**
 * `npm run soak:tokens -- --seconds 300 --life 10 --readers 5 --rate 20`: tokens that last for seconds, renewed for minutes, through each
 * edge in turn as well. In the end every change is at every callback once, in order, no stream ended with its token, and none was opened
 * but the first of each reader and one for each renewal; else the exit code is 1. With the defaults the result is written to loadtest/results/.
 *
 * Why it is valid: readers and publisher are told nothing of when a token ends but what the server says, and what is compared is what
 * the publisher sent with what each callback was given.
 */
import { numbersOf } from '../../../loadtest/bench/options.ts';
import { publish, table } from '../../../loadtest/bench/report.ts';
import { edges, startEdge } from '../../support/edge.ts';
import { startServer } from '../../support/process.ts';
import { SECRET } from '../../support/tokens.ts';
import { type Outcome, renew } from './renewal.ts';

const { seconds, life, readers, rate } = numbersOf({ seconds: 300, life: 10, readers: 5, rate: 20 });

const env = { AUTH: 'jwt', JWT_SECRET: SECRET, HISTORY_MAX_EVENTS: '100000' };
await using server = await startServer({ env });

async function through(url: string): Promise<Outcome> {
  const untilMs = performance.now() + seconds * 1_000;
  return renew({ url, lifeS: life, readers, changesPerS: rate, isOver: () => performance.now() >= untilMs });
}

const haproxy = await startEdge(edges[0]!, { buckets: [server], gateways: [server] });
const nginx = await startEdge(edges[1]!, { buckets: [server], gateways: [server] });
try {
  // Side by side: each has a channel, readers and a publisher of its own.
  const ways = { directly: server.url, [edges[0]!]: haproxy.plainUrl, [edges[1]!]: nginx.plainUrl };
  const outcomes = await Promise.all(
    Object.entries(ways).map(async ([way, url]) => [way, await through(url)] as const),
  );
  const rows = outcomes.flatMap(([way, { sent, kinds }]) =>
    kinds.map(({ name, readers, missed, repeated, outOfOrder }) => {
      const sum = (figure: 'streams' | 'renewals' | 'expired') =>
        readers.reduce((all, { figures }) => all + figures[figure], 0);
      // Each reader begins with one, and opens one for each renewal.
      const reconnects = sum('streams') - readers.length - sum('renewals');
      const figures = [sent, readers.length, sum('renewals'), reconnects, sum('expired')];
      return [way, name, ...[...figures, missed, repeated, outOfOrder].map(String)];
    }),
  );
  const head = [
    ...['way', 'reader', 'changes', 'readers', 'renewals'],
    ...['reconnects', 'ended with their token', 'missed', 'repeated', 'out of order'],
  ];
  const isClean = rows.every((cells) => cells.slice(5).every((cell) => cell === '0'));
  const title = `Tokens of ${life} s, renewed for ${seconds} s: ${isClean ? 'nothing missed, nothing repeated' : 'NOT as promised'}`;
  publish('tokens', title, table(head, rows));
  process.exitCode = isClean ? 0 : 1;
} finally {
  await haproxy.stop();
  await nginx.stop();
}
