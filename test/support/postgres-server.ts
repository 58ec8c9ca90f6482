/**
 * A private Postgres for one test file: its own process, port and directory, gone when it is stopped. It does not run as root, so
 * where we are root it is the user of its Debian package.
 *
 * Only this child is ever signalled, through its own handle. A machine without Postgres fails the tests that need it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { freePort } from '../../loadtest/fleet/port.ts';
import { waitFor } from './wait.ts';

export interface PostgresServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** A name for a schema that nobody has used. */
  newSchema(): string;
  /** Runs one statement. */
  sql<Row extends object = Record<string, unknown>>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Ends all connections but that of `sql`. */
  cutConnections(): Promise<void>;
  /** Ends it as a crash would: at once, without a checkpoint. */
  crash(): Promise<void>;
  /** Starts it again, on the same port and directory. */
  restart(): Promise<void>;
  /** SIGSTOP: connections stay open and nothing answers. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  stop(): Promise<void>;
}

export interface PostgresSettings {
  /** Whether what is committed is on the disk: without it tests are faster. Default false. */
  readonly fsync?: boolean;
}

const START_TIMEOUT_MS = 60_000;
const packages = '/usr/lib/postgresql';

const running = new Set<ChildProcess>();
const dirs = new Set<string>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
  for (const dir of dirs) rmSync(dir, { recursive: true, force: true });
});

function programs(): string {
  const versions = existsSync(packages) ? readdirSync(packages) : [];
  const newest = versions.sort((a, b) => Number(b) - Number(a)).map((version) => join(packages, version, 'bin'));
  const found = newest.find((folder) => existsSync(join(folder, 'postgres')));
  if (found === undefined) throw new Error(`These tests need Postgres, and there is none under ${packages}.`);
  return found;
}

interface User {
  readonly uid: number;
  readonly gid: number;
}

function ownUser(): User | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((each) => each.startsWith('postgres:'));
  if (line === undefined) throw new Error('These tests need the user postgres, which the package of Postgres brings.');
  const [, , uid, gid] = line.split(':').map(Number);
  return { uid: uid!, gid: gid! };
}

export async function startPostgres({ fsync = false }: PostgresSettings = {}): Promise<PostgresServer> {
  const bin = programs();
  const user = ownUser();
  const dir = mkdtempSync(join(tmpdir(), 'smallchange-postgres-'));
  dirs.add(dir);
  if (user) chownSync(dir, user.uid, user.gid);
  const data = join(dir, 'data');
  await finished(
    spawn(join(bin, 'initdb'), ['-D', data, '-A', 'trust', '-U', 'test', '--no-sync'], { cwd: dir, ...user }),
  );
  const port = await freePort();
  const url = `postgres://test@127.0.0.1:${port}/postgres`;
  let child: ChildProcess;

  async function sql<Row extends object>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    const client = new pg.Client({ connectionString: url, application_name: 'test' });
    client.on('error', () => {});
    await client.connect();
    try {
      return (await client.query<Row>(text, [...values])).rows;
    } finally {
      await client.end();
    }
  }

  async function launch(): Promise<ChildProcess> {
    const settings = [
      ...['listen_addresses=127.0.0.1', `port=${port}`, `unix_socket_directories=${dir}`],
      ...[`fsync=${fsync ? 'on' : 'off'}`, 'max_connections=50', 'shared_buffers=16MB', 'autovacuum=off'],
    ];
    const args = ['-D', data, ...settings.flatMap((setting) => ['-c', setting])];
    const started = spawn(join(bin, 'postgres'), args, { cwd: dir, stdio: ['ignore', 'ignore', 'pipe'], ...user });
    let output = '';
    started.stderr.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-4_000);
    });
    started.once('exit', () => running.delete(started));
    running.add(started);
    const isUp = async () => {
      if (started.exitCode !== null) throw new Error(`Postgres on port ${port} ended:\n${output}`);
      return sql('SELECT 1').then(
        () => true,
        () => false,
      );
    };
    await waitFor(isUp, { timeoutMs: START_TIMEOUT_MS, everyMs: 50, what: () => `Postgres to answer:\n${output}` });
    return started;
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }

  /** Of all its processes: those of connections are its children. */
  async function signalAll(signal: 'STOP' | 'CONT'): Promise<void> {
    await finished(spawn('pkill', [`-${signal}`, '-P', String(child.pid)])).catch(() => {});
    child.kill(`SIG${signal}`);
  }

  try {
    child = await launch();
  } catch (error) {
    rmSync(dir, { recursive: true, force: true });
    throw error;
  }
  const stop = async () => {
    await signalAll('CONT');
    await end('SIGINT');
    rmSync(dir, { recursive: true, force: true });
    dirs.delete(dir);
  };
  return {
    url,
    port,
    newSchema: () => `t_${randomBytes(6).toString('hex')}`,
    sql,
    async cutConnections() {
      await sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'smallchange'`);
    },
    crash: () => end('SIGQUIT'),
    async restart() {
      await end('SIGINT');
      child = await launch();
    },
    pause: () => signalAll('STOP'),
    resume: () => signalAll('CONT'),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function finished(child: ChildProcess): Promise<void> {
  let output = '';
  for (const pipe of [child.stdout, child.stderr]) {
    pipe?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`${child.spawnfile} ended with ${code}:\n${output}`);
}
