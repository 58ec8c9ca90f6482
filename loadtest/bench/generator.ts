/**
 * The generator of POSTs: `wrk` where it is installed, because a Node process cannot fill a server that is as fast as
 * ours; else autocannon. Runs in a process of its own and tells its own CPU, so that a reader sees who was the limit.
 */
import { execFile, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Load {
  readonly port: number;
  readonly connections: number;
  readonly seconds: number;
  readonly channels: number;
  /** With `{channel}` for `room0`, `room1` … */
  readonly path: string;
  /** Further fields of every request. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface LoadResult {
  readonly generator: 'wrk' | 'autocannon';
  readonly requestsPerS: number;
  /** Milliseconds. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Answers that were no 2xx, and connections that failed. */
  readonly errors: number;
  /** The generator's own use of one core, 0 to 1. */
  readonly cpuShare: number;
}

const hasWrk = spawnSync('wrk', ['--version']).error === undefined;

export function generate(load: Load): Promise<LoadResult> {
  return hasWrk ? wrk(load) : autocannon(load);
}

/** One byte to one of the channels in turn, each request made once; at the end one line of JSON. */
const wrkScript = ({ channels, path, headers = {} }: Load) => `
local n = 0
local headers = { ${Object.entries(headers).map(([name, value]) => `["${name}"] = "${value}"`)} }
local requests = {}
request = function()
  n = (n + 1) % ${channels}
  requests[n] = requests[n] or wrk.format("POST", "${path.replace('{channel}', 'room" .. n .. "')}", headers, "x")
  return requests[n]
end
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format('{"requests":%d,"us":%d,"p50":%f,"p99":%f,"errors":%d}\\n', summary.requests, summary.duration,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, e.connect + e.read + e.write + e.status + e.timeout))
end
`;

async function wrk(load: Load): Promise<LoadResult> {
  const { port, connections, seconds } = load;
  const dir = mkdtempSync(join(tmpdir(), 'smallchange-wrk-'));
  const script = join(dir, 'post.lua');
  const forget = () => rmSync(dir, { recursive: true, force: true });
  process.once('exit', forget);
  writeFileSync(script, wrkScript(load));
  const args = ['wrk', '-t1', `-c${connections}`, `-d${seconds}s`, '-s', script, `http://127.0.0.1:${port}/`];
  try {
    const { stdout, stderr } = await timed(args);
    const told = JSON.parse(stdout.trim().split('\n').at(-1)!);
    const [, user, system] = /cpu ([\d.]+) ([\d.]+)/.exec(stderr)!;
    const elapsedS = told.us / 1e6;
    return {
      generator: 'wrk',
      requestsPerS: told.requests / elapsedS,
      p50Ms: told.p50,
      p99Ms: told.p99,
      errors: told.errors,
      cpuShare: (Number(user) + Number(system)) / elapsedS,
    };
  } finally {
    process.off('exit', forget);
    forget();
  }
}

/** Runs a command under bash's own `time`, the one place that tells the CPU of a process that has ended. */
async function timed(args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  const script = 'TIMEFORMAT="cpu %U %S"; time "$0" "$@"';
  // A process group of its own, so that the command ends with bash, and both with us.
  const child = spawn('bash', ['-c', script, ...args], { detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const end = () => process.kill(-child.pid!, 'SIGKILL');
  process.once('exit', end);
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  process.off('exit', end);
  return { stdout, stderr };
}

async function autocannon(load: Load): Promise<LoadResult> {
  const script = new URL('autocannon-child.ts', import.meta.url).pathname;
  const { stdout } = await run(process.execPath, ['--import', 'tsx', script, JSON.stringify(load)]);
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as LoadResult;
}
