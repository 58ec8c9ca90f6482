/** What a reader has to know of a run to do it again: the command, the commit, the programs. */
import { execFileSync } from 'node:child_process';
import type { Facts } from '../report/markdown.ts';
import type { FleetOptions } from './arguments.ts';

export function factsOf(options: FleetOptions, args: readonly string[], wallS: number): Facts {
  const { gateways, buckets, mergers, node, nodeArgs, heartbeatMs, appendOnly, env } = options;
  const settings = [`HEARTBEAT_MS=${heartbeatMs}`, ...Object.entries(env).map(([name, value]) => `${name}=${value}`)];
  const redis = /v=(\S+)/.exec(said('redis-server', '--version'))?.[1] ?? 'of an unknown version';
  return [
    ['command', `\`npm run fleet -- ${args.map(quoted).join(' ')}\``],
    ['commit', commit()],
    [
      'servers',
      `gateways ${gateways}, buckets ${buckets}, mergers ${mergers}; Node ${said(node, '--version')} ${nodeArgs.join(' ')}, ${settings.join(' ')}`,
    ],
    ['store', `Redis ${redis}, AOF ${appendOnly}`],
    ['wall', `${Math.floor(wallS / 60)} min ${Math.round(wallS % 60)} s, from the first process to the verdict`],
  ];
}

/** As a shell reads it back. */
function quoted(arg: string): string {
  if (/^[\w@%+=:,./-]+$/.test(arg)) return arg;
  return `'${arg.replaceAll("'", `'\\''`)}'`;
}

function commit(): string {
  const hash = said('git', 'rev-parse', '--short=12', 'HEAD');
  if (hash === '') return 'unknown';
  return said('git', 'status', '--porcelain') === '' ? hash : `${hash}, with changes that were not committed`;
}

/** '' when there is no such program, or it fails. */
function said(command: string, ...args: readonly string[]): string {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return '';
  }
}
