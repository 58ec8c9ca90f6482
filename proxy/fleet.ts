/** A small fleet on this machine to put an edge in front of: Redis, a merger, two buckets and two gateways. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../loadtest/fleet/port.ts';
import { type Part, startPart } from '../loadtest/fleet/process.ts';

export interface SmallFleet {
  /** `127.0.0.1:port` of each. */
  readonly buckets: readonly string[];
  readonly gateways: readonly string[];
  /** Servers first, Redis last, and then its folder. */
  stop(): Promise<void>;
}

const program = fileURLToPath(new URL('../dist/main.js', import.meta.url));

/** @param onEnd Told why, when one of them ends and was not stopped. @throws with nothing left running. */
export async function startSmallFleet(onEnd: (why: string) => void): Promise<SmallFleet> {
  const dir = mkdtempSync(join(tmpdir(), 'smallchange-edge-redis-'));
  const port = await freePort();
  const servers: Part[] = [];
  let redis: Part | undefined;

  async function stop(): Promise<void> {
    await Promise.all(servers.map((server) => server.stop()));
    await redis?.stop();
    rmSync(dir, { recursive: true, force: true });
  }

  async function start(name: Part['name'], role: string): Promise<string> {
    const env = { ROLES: role, REDIS_URL: `redis://127.0.0.1:${port}`, PORT: '0', DRAIN_MS: '0' };
    const server = await startPart({
      name,
      command: process.execPath,
      args: [program],
      env,
      readPort: (line) =>
        line.includes('smallchange is running') ? (JSON.parse(line) as { port: number }).port : null,
      isComplaint: (line) => line.includes('"level":"error"'),
      onEnd,
    });
    servers.push(server);
    return `127.0.0.1:${server.port}`;
  }

  try {
    redis = await startPart({
      name: 'Redis',
      command: 'redis-server',
      args: ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--save', '', '--appendonly', 'no'],
      readPort: (line) => (line.includes('Ready to accept connections') ? port : null),
      isComplaint: () => false,
      onEnd,
    });
    await start('mergers', 'merger');
    const buckets = [await start('buckets', 'bucket'), await start('buckets', 'bucket')];
    const gateways = [await start('gateways', 'gateway'), await start('gateways', 'gateway')];
    return { buckets, gateways, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
