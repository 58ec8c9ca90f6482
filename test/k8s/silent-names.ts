/**
 * In namespaces of its own, with a name server of its own (`unshare -mn`): the primary dies, and for a moment no question about a name is
 * answered. Writes after how many ms the Sentinels had another.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitFor } from '../support/wait.ts';
import { startNameServer } from './name-server.ts';
import { lookupsOfSentinels, threeOfEach } from './replicated.ts';

/** Less than a resolver waits by itself before it asks again. */
const SILENT_MS = 800;
/** Less than the 30 s for which a Sentinel decides nothing once it has stood still. */
const CHOSEN_MS = 20_000;
const START_MS = 30_000;

function run(command: string): void {
  const { status, stderr } = spawnSync('sh', ['-c', command], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command}: ${stderr}`);
}

run('ip link set lo up');
await using names = await startNameServer(['127.0.0.1'], 53);
await using pods = await threeOfEach('own');
const { redis, sentinels } = pods;
const file = join(pods.place, 'resolv.conf');
writeFileSync(file, `nameserver 127.0.0.1\noptions ${lookupsOfSentinels()}\n`);
run(`mount --bind ${file} /etc/resolv.conf`);

const eventually = (what: string, timeoutMs: number, condition: () => Promise<boolean>) =>
  waitFor(() => condition().catch(() => false), { what, timeoutMs, everyMs: 200 });
const asked = (...words: string[]) => Promise.all(sentinels.map((each) => each.ask('sentinel', ...words)));

for (const pod of redis) pod.start();
await eventually('two to follow', START_MS, async () =>
  /connected_slaves:2/.test(await redis[0]!.ask('info', 'replication')),
);
for (const pod of sentinels) pod.start();
await eventually('all to know all', START_MS, async () => {
  const known = await asked('replicas', 'smallchange');
  const others = await asked('ckquorum', 'smallchange');
  return known.every((each) => each.split('runid').length === 3) && others.every((each) => /^OK 3/.test(each));
});

const startedMs = performance.now();
names.isSilent = true;
await redis[0]!.kill9();
await sleep(SILENT_MS);
names.isSilent = false;
await eventually('another primary', CHOSEN_MS, async () => {
  const answers = await asked('get-master-addr-by-name', 'smallchange');
  return answers.every((each) => !each.startsWith('smallchange-redis-0.'));
});
process.stdout.write(`${Math.round(performance.now() - startedMs)}\n`);
