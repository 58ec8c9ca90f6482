/** All scenarios by name. `npm run scenario -- --name killed-redis`; `--scale` makes them smaller, `--record` keeps the figures. */
import { parseArgs } from 'node:util';
import { keepResult } from '../results.ts';
import { clusterFreezes, clusterLoses, clusterMoves } from './cluster.ts';
import { cutPubsub } from './cut-pubsub.ts';
import { everysecLoses } from './everysec-loses.ts';
import { failover, failoverOfOne, refillOfOne } from './failover.ts';
import { frozenMerger } from './frozen-merger.ts';
import { killedRedis } from './killed-redis.ts';
import { redisAway } from './redis-away.ts';
import { restoredCopy } from './restored-copy.ts';
import type { Scenario } from './scenario.ts';
import { swallowedReplies } from './swallowed-replies.ts';
import { takeover } from './takeover.ts';

export const scenarios: readonly Scenario[] = [
  swallowedReplies,
  killedRedis,
  everysecLoses,
  frozenMerger,
  cutPubsub,
  restoredCopy,
  failover,
  failoverOfOne,
  refillOfOne,
  takeover,
  redisAway,
  clusterMoves,
  clusterFreezes,
  clusterLoses,
];

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      name: { type: 'string', default: 'all' },
      seed: { type: 'string', default: '1' },
      scale: { type: 'string', default: '1' },
      record: { type: 'boolean', default: false },
    },
  });
  const chosen = scenarios.filter(({ name }) => values.name === 'all' || values.name.split(',').includes(name));
  if (chosen.length === 0) throw new Error(`there are ${scenarios.map(({ name }) => name).join(', ')}`);
  for (const { name, promise, run } of chosen) {
    console.log(`${name}: ${promise}`);
    const result = await run({ seed: Number(values.seed), scale: Number(values.scale) });
    console.log(`  ${JSON.stringify(result.figures)}`);
    for (const failure of result.failures) console.log(`  NOT SO: ${failure}`);
    if (result.failures.length > 0) process.exitCode = 1;
    const command = `npm run scenario -- --name ${name} --seed ${values.seed} --scale ${values.scale}`;
    const { figures, failures } = result;
    if (values.record) console.log(`  ${keepResult({ name, title: promise, command, rows: [figures], failures })}`);
  }
}

if (process.argv[1]?.endsWith('scenarios.ts')) {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  await main();
}
