/** What the command line of a fleet asks for; what is about the load is handed on to the load tester's own arguments. */
import { BadUse, readCount, readFlags, readSeconds, STREAMS_MAX } from '../run/arguments.ts';

export interface FleetOptions {
  readonly streams: number;
  readonly gateways: number;
  readonly buckets: number;
  readonly mergers: number;
  /** The Node that the servers run on: newer ones hold streams in less memory. */
  readonly node: string;
  readonly nodeArgs: readonly string[];
  readonly heartbeatMs: number;
  readonly appendOnly: 'off' | 'everysec' | 'always';
  /** More settings for all servers. */
  readonly env: Readonly<Record<string, string>>;
  readonly markdown: string | null;
  /** For the load tester, but for the targets, which are not known yet. */
  readonly load: readonly string[];
}

export const fleetUsage = `npm run fleet -- --streams N [options]

  --streams 10000          streams held open
  --rooms-of 10            streams in a channel
  --minutes 10             how long the load runs
  --rate 1000/s            changes per second in all, or
  --every 10m              how often each client sends, on average (the default)
  --reconnect 1%/min       streams cut and resumed while the load runs
  --open-rate 5000/s       streams opened per second
  --spread 0               over how many gateways the streams of a channel are spread (0: all; 1: each channel at one)
  --gateways 0             processes (0: as many as descriptors ask for)
  --streams-per-gateway 19000
  --buckets 1  --mergers 1
  --heartbeat 60s
  --aof off                off, everysec or always
  --node /path/to/node     for the servers
  --node-args="…"          arguments of that Node
  --env NAME=VALUE         one more setting of the servers, may be given several times
  --late, --settle, --payload, --interval, --connections, --workers, --seed, --strict, --report, --json
                           as in: npm run loadtest -- --help
  --markdown out.md        the result as text
`;

const known = {
  streams: { type: 'string' },
  'rooms-of': { type: 'string', default: '10' },
  minutes: { type: 'string', default: '10' },
  rate: { type: 'string' },
  every: { type: 'string' },
  gateways: { type: 'string', default: '0' },
  'streams-per-gateway': { type: 'string' },
  buckets: { type: 'string', default: '1' },
  mergers: { type: 'string', default: '1' },
  heartbeat: { type: 'string', default: '60s' },
  aof: { type: 'string', default: 'off' },
  node: { type: 'string' },
  'node-args': { type: 'string', default: '' },
  env: { type: 'string', multiple: true },
  markdown: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
  reconnect: { type: 'string' },
  'open-rate': { type: 'string' },
  spread: { type: 'string' },
  late: { type: 'string' },
  settle: { type: 'string' },
  payload: { type: 'string' },
  interval: { type: 'string' },
  connections: { type: 'string' },
  workers: { type: 'string' },
  seed: { type: 'string' },
  strict: { type: 'boolean', default: false },
  report: { type: 'string' },
  json: { type: 'string' },
} as const;

const handedOn = [
  'reconnect',
  'open-rate',
  'spread',
  'late',
  'settle',
  'payload',
  'interval',
  'connections',
  'workers',
  'seed',
  'report',
  'json',
] as const;

/** Descriptors a gateway keeps for everything but streams. */
const RESERVED_DESCRIPTORS = 1000;
const STREAMS_PER_GATEWAY = 19_000;
const DEFAULT_EVERY = '10m';

/** @returns null when help was asked for. @throws {BadUse} */
export function readFleetArguments(args: readonly string[], descriptors: number): FleetOptions | null {
  const { values } = readFlags(args, known);
  if (values.help) return null;
  if (values.streams === undefined) throw new BadUse('--streams is missing, such as --streams 10000');
  const streams = readCount('--streams', values.streams, 1, STREAMS_MAX);
  const roomsOf = readCount('--rooms-of', values['rooms-of'], 1, streams);
  const most = Math.max(100, Math.min(STREAMS_PER_GATEWAY, descriptors - RESERVED_DESCRIPTORS));
  const perGateway = readCount('--streams-per-gateway', values['streams-per-gateway'] ?? String(most), 1, descriptors);
  const gateways = readCount('--gateways', values.gateways, 0, 1000) || Math.ceil(streams / perGateway);
  const appendOnly = values.aof;
  if (appendOnly !== 'off' && appendOnly !== 'everysec' && appendOnly !== 'always') {
    throw new BadUse(`--aof ${appendOnly} is none of off, everysec and always`);
  }
  const rate = values.rate === undefined ? ['--every', values.every ?? DEFAULT_EVERY] : ['--rate', values.rate];
  if (values.rate !== undefined && values.every !== undefined)
    throw new BadUse('--rate and --every say the same: give one');
  const load = ['--streams', String(streams), '--channels', String(Math.ceil(streams / roomsOf)), ...rate];
  load.push('--duration', String(readSeconds('--minutes', `${values.minutes}m`)));
  for (const name of handedOn) {
    const value = values[name];
    if (value !== undefined) load.push(`--${name}`, value);
  }
  if (values.strict) load.push('--strict');
  return {
    streams,
    gateways,
    buckets: readCount('--buckets', values.buckets, 1, 100),
    mergers: readCount('--mergers', values.mergers, 1, 100),
    node: values.node ?? process.execPath,
    nodeArgs: values['node-args'].split(' ').filter(Boolean),
    heartbeatMs: Math.round(readSeconds('--heartbeat', values.heartbeat) * 1000),
    appendOnly,
    env: Object.fromEntries((values.env ?? []).map(readSetting)),
    markdown: values.markdown ?? null,
    load,
  };
}

function readSetting(text: string): [string, string] {
  const at = text.indexOf('=');
  if (at < 1) throw new BadUse(`--env ${text} is no NAME=VALUE`);
  return [text.slice(0, at), text.slice(at + 1)];
}
