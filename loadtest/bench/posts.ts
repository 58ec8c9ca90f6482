/**
 * POSTs per second: ours, in Redis before the 204, beside the same fastify storing nothing; the same with the merger at
 * work; and Nchan with Redis, where it is installed.
 *
 * Why this is a valid comparison: each server is one process, gets the same requests from the same generator, and runs in
 * turn in one run on one machine, several rounds; the ratio is taken within a round, so that a slow minute hits all. Each
 * begins with a new Redis. In the row of the bucket alone no merger runs: it is the bucket's own ceiling. The row "accepted,
 * merged and published" counts what the merger has committed, not what was answered, on the same cores; its inbox is
 * told before and after the load: where it has grown by more than a moment's changes, the merge has not kept up, and
 * the rate of its commits is still what the whole does. A single POST that fails ends the run.
 *
 * npm run bench -- posts [--rounds 5] [--seconds 5] [--aof off|everysec|always]
 */
import { fsyncSentence } from './fsync.ts';
import { hasNchan } from './nchan.ts';
import { numbersAndAof } from './options.ts';
import { bucketAlone, load, nchanWithRedis, nothing, pipeline, type Round, type Side } from './posts-sides.ts';
import type { AofMode } from './redis.ts';
import { publish, spreadOf, table, written } from './report.ts';

const { rounds, seconds, aof: modes } = numbersAndAof({ rounds: 5, seconds: 5 }, 'off');
const sides: readonly Side[] = [nothing, bucketAlone, pipeline, ...(hasNchan ? [nchanWithRedis] : [])];

async function compare(aof: AofMode): Promise<void> {
  const done = new Map<Side, Round[]>(sides.map((side) => [side, []]));
  for (let round = 1; round <= rounds; round++) {
    const told: string[] = [];
    for (const side of sides) {
      const result = await side.run(seconds, aof);
      done.get(side)!.push(result);
      told.push(`${side.name} ${Math.round(result.perS)}/s`);
    }
    console.log(`round ${round}, AOF ${aof}: ${told.join('; ')}`);
  }
  report(aof, done);
}

function report(aof: AofMode, done: ReadonlyMap<Side, readonly Round[]>): void {
  const of = (side: Side, figure: (round: Round) => number, digits = 0) =>
    written(spreadOf(done.get(side)!.map(figure)), digits);
  const ratio = (side: Side, to: Side) =>
    written(spreadOf(done.get(side)!.map((round, i) => round.perS / done.get(to)![i]!.perS)), 2);
  const rows = sides.map((side) => [
    side.name,
    of(side, (r) => r.perS),
    of(side, (r) => r.p50Ms, 2),
    of(side, (r) => r.p99Ms, 2),
    of(side, (r) => r.serverCpu, 2),
    side === pipeline ? of(side, (r) => r.mergerCpu, 2) : '–',
    of(side, (r) => r.redisCpu, 2),
    of(side, (r) => r.cpuShare, 2),
    side === pipeline ? `${of(side, (r) => r.inbox[0])} → ${of(side, (r) => r.inbox[1])}` : '–',
  ]);
  const fsync = done.get(bucketAlone)![0]!.fsync;
  const head = ['server', 'per s', 'p50 ms', 'p99 ms', 'server CPU', 'merger CPU', 'Redis CPU', 'generator CPU'];
  publish(
    `posts-aof-${aof}`,
    'POSTs per second',
    [
      `${load.connections} keep-alive connections, 1 byte each to ${load.channels} channels, 16 shards, Redis AOF ${aof},`,
      `generator ${done.get(nothing)![0]!.generator}, ${rounds} rounds of ${seconds} s in turn; median (min–max).`,
      fsync ? fsyncSentence(fsync) : '',
      '',
      table([...head, 'inbox'], rows),
      '',
      `Ratios within a round: bucket alone ÷ nothing stored **${ratio(bucketAlone, nothing)}**;`,
      `merged and published ÷ bucket alone **${ratio(pipeline, bucketAlone)}**,`,
      `÷ nothing stored **${ratio(pipeline, nothing)}**;`,
      hasNchan
        ? `bucket alone ÷ Nchan with Redis **${ratio(bucketAlone, nchanWithRedis)}**.`
        : 'Nchan is not installed.',
      'CPU in cores; a generator near 1.00 was itself the limit. p50 and p99 are those of the POSTs.',
    ].join('\n'),
  );
}

for (const aof of modes) await compare(aof);
