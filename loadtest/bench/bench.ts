/**
 * `npm run bench`: lists the benchmarks. `npm run bench -- <name> [options]`: runs one, `npm run bench -- all`: one after
 * the other, each with its defaults.
 *
 * Each is a script beside this one, in a process of its own, and says in its header why its measurement is valid. They
 * measure `dist/`, which is built first where it is stale, and then for all of them.
 */
import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const benches: Readonly<Record<string, string>> = {
  memory: 'user memory per idle stream, beside net, node:http, @fastify/sse and better-sse',
  fanout: 'deliveries per CPU-second, one event at a time, beside net, node:http and Nchan',
  bursts: 'deliveries a second, 1,000 events at once',
  posts: 'POSTs a second, stored, and merged and published, beside fastify storing nothing and Nchan with Redis',
  latency: 'POST to 204 and POST to SSE at 2,000 changes a second',
  'loop-delay': 'event-loop delay with 18,000 streams and 10,000 deliveries a second',
  'bad-tokens': 'latency of others while fifty addresses send 5,000 bad tokens a second',
  heads: 'this head beside a former commit: POSTs, deliveries, memory',
  shards: 'CPU of Redis and the merger with 16 and 64 shards, this head beside a former commit',
  access: 'POSTs a second and memory per idle stream with tokens, beside the same without',
  archive: 'events a second from Redis to Postgres, and the latency of changes meanwhile',
  'archive-away': 'Postgres stopped for a minute under load, and what waited caught up with',
  box: 'POSTs a second and event-loop delay with DATA_DIR, beside the same in memory',
  airtime: 'bytes on the wire of one change and one event, beside WebSocket, Socket.IO, MQTT and long polls',
  resume: '10,000 returning clients beside as many new ones',
};

const [asked, ...options] = process.argv.slice(2);
const names = asked === 'all' ? Object.keys(benches) : asked !== undefined && asked in benches ? [asked] : [];
if (names.length === 0) {
  console.log('npm run bench -- <name> [options], or all. The options are in the header of each.\n');
  for (const [name, sentence] of Object.entries(benches)) console.log(`  ${name.padEnd(12)} ${sentence}`);
  process.exit(asked === undefined ? 0 : 1);
}

const build = fileURLToPath(new URL('../../scripts/build.mjs', import.meta.url));
if (spawnSync(process.execPath, [build, '--if-stale'], { stdio: 'inherit' }).status !== 0) process.exit(1);

/** Resolves with its exit code. What ends this process ends the benchmark, which ends its own. */
function run(name: string): Promise<number> {
  const script = fileURLToPath(new URL(`${name}.ts`, import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', script, ...options], { stdio: 'inherit' });
  const pass = (signal: NodeJS.Signals) => void child.kill(signal);
  process.on('SIGINT', pass).on('SIGTERM', pass);
  return new Promise((resolve) =>
    child.once('exit', (code) => {
      process.off('SIGINT', pass).off('SIGTERM', pass);
      resolve(code ?? 1);
    }),
  );
}

for (const name of names) {
  const code = await run(name);
  if (code !== 0) process.exit(code);
}
