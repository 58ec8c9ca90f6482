/** The parts of a fleet, started in the order in which they need each other: Redis, mergers, buckets, gateways. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BadUse } from '../run/arguments.ts';
import type { FleetOptions } from './arguments.ts';
import { freePort } from './port.ts';
import { type Part, type PartName, startPart } from './process.ts';

export interface Parts {
  readonly all: readonly Part[];
  of(name: PartName): readonly Part[];
  stop(): Promise<void>;
}

export interface PartsOptions {
  readonly options: FleetOptions;
  readonly say: (line: string) => void;
  readonly onEnd: (why: string) => void;
  readonly signal: AbortSignal;
}

/** Nodes started at once. */
const STARTING_MAX = 4;
/** Beyond the streams that are planned for a gateway: those that come back before their old connection is gone. */
const SLACK = 500;

/** From here, or from where this is compiled to. */
const root = ['../../', '../../../']
  .map((up) => fileURLToPath(new URL(up, import.meta.url)))
  .find((path) => existsSync(join(path, 'package.json')))!;
const program = join(root, 'dist/main.js');

export async function startParts({ options, say, onEnd, signal }: PartsOptions): Promise<Parts> {
  if (!existsSync(program)) throw new BadUse('dist/main.js is missing; make it with: npm run build');
  const all: Part[] = [];
  const dir = mkdtempSync(join(tmpdir(), 'smallchange-fleet-'));
  const removeDir = () => rmSync(dir, { recursive: true, force: true });
  process.once('exit', removeDir);

  async function stop(): Promise<void> {
    const redis = all.filter(({ name }) => name === 'Redis');
    await Promise.all(all.filter((part) => !redis.includes(part)).map((part) => part.stop()));
    await Promise.all(redis.map((part) => part.stop()));
    removeDir();
    process.off('exit', removeDir);
  }

  async function startMany(name: PartName, count: number, start: () => Promise<Part>): Promise<void> {
    let left = count;
    const lane = async () => {
      while (left-- > 0) {
        signal.throwIfAborted();
        all.push(await start());
      }
    };
    const lanes = Array.from({ length: Math.min(STARTING_MAX, count) }, () =>
      lane().catch((error: unknown) => {
        left = 0;
        throw error;
      }),
    );
    // Whatever fails, those that are just being started are waited for: they have to be stopped as well.
    await Promise.allSettled(lanes);
    await Promise.all(lanes);
    say(`${count} ${name}`);
  }

  try {
    const redis = await startRedis(options, dir, onEnd);
    all.push(redis);
    const server = (name: PartName, role: string, env: Record<string, string> = {}) =>
      startServer(name, options, { ROLES: role, REDIS_URL: `redis://127.0.0.1:${redis.port}`, ...env }, onEnd);
    say(`Redis, AOF ${options.appendOnly}`);
    const maxStreams = String(Math.ceil(options.streams / options.gateways) + SLACK);
    await startMany('mergers', options.mergers, () => server('mergers', 'merger'));
    await startMany('buckets', options.buckets, () => server('buckets', 'bucket'));
    await startMany('gateways', options.gateways, () => server('gateways', 'gateway', { MAX_STREAMS: maxStreams }));
  } catch (error) {
    await stop();
    throw error;
  }
  return { all, of: (name) => all.filter((part) => part.name === name), stop };
}

function startServer(
  name: PartName,
  { node, nodeArgs, heartbeatMs, env }: FleetOptions,
  settings: Readonly<Record<string, string>>,
  onEnd: (why: string) => void,
): Promise<Part> {
  return startPart({
    name,
    command: node,
    args: [...nodeArgs, program],
    env: { PORT: '0', LOG_LEVEL: 'info', DRAIN_MS: '0', HEARTBEAT_MS: String(heartbeatMs), ...settings, ...env },
    readPort: (line) =>
      line.includes('smallchange is running') ? ((JSON.parse(line) as { port: number }).port ?? null) : null,
    isComplaint: (line) => /"level":("(error|fatal)"|[56]0)/.test(line),
    onEnd,
  });
}

async function startRedis({ appendOnly }: FleetOptions, dir: string, onEnd: (why: string) => void): Promise<Part> {
  const port = await freePort();
  const aof = appendOnly === 'off' ? ['--appendonly', 'no'] : ['--appendonly', 'yes', '--appendfsync', appendOnly];
  return startPart({
    name: 'Redis',
    command: 'redis-server',
    args: ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--save', '', ...aof],
    readPort: (line) => (line.includes('Ready to accept connections') ? port : null),
    isComplaint: () => false,
    onEnd,
  });
}
