/**
 * One HAProxy or nginx on this machine, with a rendered configuration in a private folder: started, reloaded, ended.
 *
 * Invariant: neither the process nor its folder outlives ours, unless ours is killed.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../loadtest/fleet/port.ts';
import { createCertificate } from './certificate.ts';
import { needProgram } from './programs.ts';
import { render } from './render.ts';
import { defaults, type Edge, type EdgeSettings } from './settings.ts';

export interface EdgeProcess extends AsyncDisposable {
  readonly plainUrl: string;
  readonly tlsUrl: string;
  /** Where probes ask for `/healthz`. */
  readonly healthUrl: string;
  /** Where `/metrics/edge` tells who watches it. */
  readonly metricsUrl: string;
  /** The PEM file of the certificate that `tlsUrl` shows unless another is set, for clients that are to trust it. */
  readonly certificate: string;
  readonly pid: number;
  /** What it has written so far: a line for each request that is over, and what it says of itself. */
  log(): string;
  /** Starts a new generation, which takes over; returns once the program was told. */
  reload(): void;
  stop(): Promise<void>;
}

export type EdgeInit = Pick<EdgeSettings, 'buckets' | 'gateways'> & Partial<EdgeSettings>;

interface Program {
  readonly file: string;
  readonly reloadSignal: NodeJS.Signals;
  arguments(file: string, dir: string): string[];
}

const programs: Readonly<Record<Edge, Program>> = {
  haproxy: {
    file: 'haproxy.cfg',
    reloadSignal: 'SIGUSR2',
    arguments: (file) => ['-W', '-db', '-f', file],
  },
  nginx: {
    file: 'nginx.conf',
    reloadSignal: 'SIGHUP',
    arguments: (file, dir) => ['-e', join(dir, 'error.log'), '-c', file, '-g', 'daemon off;'],
  },
};

const certificateLua = fileURLToPath(new URL('certificate.lua', import.meta.url));

const START_TIMEOUT_MS = 10_000;
const STOP_TIMEOUT_MS = 5_000;

const running = new Set<{ readonly child: ChildProcess; readonly dir: string }>();
process.on('exit', () => {
  for (const { child, dir } of running) {
    child.kill('SIGTERM');
    rmSync(dir, { recursive: true, force: true });
  }
});

/** @throws with the Debian package's name when the program is not here, with all it said when it does not start. */
export async function startEdge(edge: Edge, init: EdgeInit): Promise<EdgeProcess> {
  const program = programs[edge];
  needProgram(edge);
  const dir = mkdtempSync(join(tmpdir(), `smallchange-${edge}-`));
  const certificate = createCertificate(dir);
  const logFile = join(dir, 'access.log');
  const settings: EdgeSettings = {
    ...defaults[edge],
    ...{ plain: `127.0.0.1:${await freePort()}`, tls: `127.0.0.1:${await freePort()}` },
    health: `127.0.0.1:${await freePort()}`,
    metrics: `127.0.0.1:${await freePort()}`,
    certificateLua: edge === 'haproxy' ? certificateLua : '',
    ...{ runDir: dir, certificate: certificate.bundle, log: edge === 'haproxy' ? 'stdout' : logFile },
    ...init,
  };
  const { plain, tls, health, metrics } = settings;
  const file = join(dir, program.file);
  writeFileSync(file, render(edge, settings));
  // Started by root, nginx has workers of another user, and bodies under way are theirs.
  chmodSync(dir, 0o711);
  const child = spawn(edge, program.arguments(file, dir), { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const entry = { child, dir };
  running.add(entry);
  let said = '';
  for (const output of [child.stdout, child.stderr]) {
    output.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  }
  const ended = once(child, 'close').finally(() => {
    running.delete(entry);
  });

  async function stop(): Promise<void> {
    if (running.has(entry)) {
      child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
      await ended;
      clearTimeout(late);
    }
    rmSync(dir, { recursive: true, force: true });
  }

  const until = performance.now() + START_TIMEOUT_MS;
  while (!(await accepts(plain))) {
    if (running.has(entry) && performance.now() < until) await sleep(10);
    else {
      await stop();
      throw new Error(`${edge} did not start:\n${said}`);
    }
  }
  return {
    plainUrl: `http://${plain}`,
    tlsUrl: `https://${tls}`,
    healthUrl: `http://${health}`,
    metricsUrl: `http://${metrics}`,
    certificate: certificate.own,
    pid: child.pid!,
    log: () =>
      said + (edge === 'nginx' ? readFileSync(logFile, 'utf8') + readFileSync(join(dir, 'error.log'), 'utf8') : ''),
    reload: () => void child.kill(program.reloadSignal),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** Whether somebody listens there. */
function accepts(address: string): Promise<boolean> {
  const [host, port] = address.split(':');
  return new Promise((resolve) => {
    const socket = connect(Number(port), host);
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
