/** What the command line asks for, read strictly: whatever makes no sense is told, with what would be right. */
import { parseArgs } from 'node:util';

/** Told to whoever started the tool, without a stack. */
export class BadUse extends Error {}

export interface LoadOptions {
  /** Where changes are sent: `http://host:port`. */
  readonly target: string;
  /** Where streams are opened, one after the other. */
  readonly streamsTargets: readonly string[];
  readonly streams: number;
  readonly channels: number;
  /** Changes per second, of all clients together. */
  readonly ratePerS: number;
  readonly durationS: number;
  readonly payloadBytes: number;
  /** `random`: each client at moments of its own (Poisson); `even`: one change after the other at the same distance. */
  readonly interval: 'random' | 'even';
  /** Streams per second that are cut and come back with their cursor, while the load runs. */
  readonly reconnectPerS: number;
  /** Streams opened per second. */
  readonly openPerS: number;
  /** Over how many of the streams' targets the streams of a channel are spread; 0 for all. */
  readonly spread: number;
  /** An event that comes later than this after its change was due, or after its stream came back, is an offence. */
  readonly lateMs: number;
  /** How long after the last change everything may take to arrive. */
  readonly settleMs: number;
  /** Processes; 0 for as many as are needed. */
  readonly workers: number;
  /** Connections for POSTs, of all processes together; but four in each, when there are as many. */
  readonly connections: number;
  /** A `$bye` explains no disconnect. */
  readonly strict: boolean;
  readonly seed: number;
  readonly report: string | null;
  readonly json: string | null;
}

export const usage = `npm run loadtest -- --target URL [options]

  --target URL           where changes are sent: http://127.0.0.1:8080
  --streams-target URL   where streams are opened, may be given several times (default: the target)
  --streams 1000         streams held open
  --channels 100         channels, with equally many streams each
  --spread 0             streams of a channel are spread over so many of the streams' targets (0: all)
  --rate 100             changes per second in all; also 100/s, 6000/min
  --every 10m            instead of --rate: how often each client sends, on average
  --interval random      random (Poisson) or even
  --payload 1            bytes of a change
  --duration 60          how long the load runs: 60, 60s, 10m
  --reconnect 0.1/s      streams cut per second, to come back with Last-Event-ID; or a share of them: 1%/min
  --open-rate 5000/s     streams opened per second
  --late 5s              an event that comes later than this after its change was due is an offence
  --settle 15s           how long everything may take to arrive after the last change
  --connections 64       connections for changes, of all processes together; but four in each
  --workers 0            processes (0: as many as descriptors and ports ask for)
  --strict               a $bye of the server explains no disconnect
  --seed n               the same run again
  --report out.html      one page with plots
  --json out.json        the same as data
`;

const known = {
  target: { type: 'string' },
  'streams-target': { type: 'string', multiple: true },
  streams: { type: 'string', default: '1000' },
  channels: { type: 'string' },
  spread: { type: 'string', default: '0' },
  rate: { type: 'string' },
  every: { type: 'string' },
  interval: { type: 'string', default: 'random' },
  payload: { type: 'string', default: '1' },
  duration: { type: 'string', default: '60' },
  reconnect: { type: 'string', default: '0/s' },
  'open-rate': { type: 'string', default: '5000/s' },
  late: { type: 'string', default: '5s' },
  settle: { type: 'string', default: '15s' },
  connections: { type: 'string', default: '64' },
  workers: { type: 'string', default: '0' },
  strict: { type: 'boolean', default: false },
  seed: { type: 'string' },
  report: { type: 'string' },
  json: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

export const STREAMS_MAX = 10_000_000;
const DURATION_MAX_S = 7 * 86_400;
const RATE_MAX = 10_000_000;
/** P3: the least that a server with the default settings takes at most. */
const PAYLOAD_MAX = 1024;
const DEFAULT_RATE = '100';

/** @returns null when help was asked for. @throws {BadUse} */
export function readArguments(args: readonly string[]): LoadOptions | null {
  const { values } = readFlags(args, known);
  if (values.help) return null;
  if (values.target === undefined) throw new BadUse('--target is missing, such as --target http://127.0.0.1:8080');
  const target = readTarget('--target', values.target);
  const streams = readCount('--streams', values.streams, 1, STREAMS_MAX);
  // Rooms of ten when nothing else is said.
  const channels = readCount('--channels', values.channels ?? String(Math.ceil(streams / 10)), 1, STREAMS_MAX);
  if (channels > streams) {
    throw new BadUse(
      `--channels ${channels} is more than --streams ${streams}: a channel nobody listens to shows nothing`,
    );
  }
  if (values.rate !== undefined && values.every !== undefined)
    throw new BadUse('--rate and --every say the same: give one');
  const streamsTargets = (values['streams-target'] ?? []).map((text) => readTarget('--streams-target', text));
  if (streamsTargets.length === 0) streamsTargets.push(target);
  const spread = readCount('--spread', values.spread, 0, streamsTargets.length);
  if (values.interval !== 'random' && values.interval !== 'even') {
    throw new BadUse(`--interval ${values.interval} is neither random nor even`);
  }
  return {
    target,
    streamsTargets,
    streams,
    channels,
    ratePerS:
      values.every === undefined
        ? readRate('--rate', values.rate ?? DEFAULT_RATE)
        : streams / readSeconds('--every', values.every),
    durationS: readSeconds('--duration', values.duration),
    payloadBytes: readCount('--payload', values.payload, 1, PAYLOAD_MAX),
    interval: values.interval,
    reconnectPerS: readShare('--reconnect', values.reconnect, streams),
    openPerS: Math.max(1, readRate('--open-rate', values['open-rate'])),
    spread: spread === 0 ? streamsTargets.length : spread,
    lateMs: readSeconds('--late', values.late) * 1000,
    settleMs: readSeconds('--settle', values.settle) * 1000,
    workers: readCount('--workers', values.workers, 0, 1000),
    connections: readCount('--connections', values.connections, 1, 10_000),
    strict: values.strict,
    seed:
      values.seed === undefined
        ? Math.floor(Math.random() * 2 ** 32)
        : readCount('--seed', values.seed, 0, 2 ** 32 - 1),
    report: values.report ?? null,
    json: values.json ?? null,
  };
}

type Flags = NonNullable<Parameters<typeof parseArgs>[0]>['options'] & {};

export function readFlags<const F extends Flags>(args: readonly string[], options: F) {
  const seen = new Set<string>();
  for (const arg of args) {
    const name = /^--([^=]+)/.exec(arg)?.[1];
    if (name === undefined) continue;
    if (seen.has(name) && options[name]?.multiple !== true && name in options)
      throw new BadUse(`--${name} is given twice`);
    seen.add(name);
  }
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: false });
  } catch (error) {
    // Node's own sentences are good, up to the advice for programmers.
    throw new BadUse((error as Error).message.split(/\. To specify|\.\n/)[0]!);
  }
}

export function readCount(name: string, text: string, min: number, max: number): number {
  const digits = text.replaceAll(/[_,]/g, '');
  const value = /^\d{1,15}$/.test(digits) ? Number(digits) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new BadUse(`${name} ${text} is no whole number from ${min} to ${max}`);
}

function readNumber(name: string, text: string, whole: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isFinite(value)) return value;
  throw new BadUse(`${name} ${whole} begins with no number`);
}

const unitS: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, min: 60, h: 3600 };

/** `60`, `60s`, `10m`, `250ms`. */
export function readSeconds(name: string, text: string): number {
  const [, number, unit = 's'] = /^([\d.]+)(ms|s|m|min|h)?$/.exec(text) ?? [];
  const value = number === undefined ? Number.NaN : Number(number) * unitS[unit]!;
  if (value > 0 && value <= DURATION_MAX_S) return value;
  throw new BadUse(`${name} ${text} is no time such as 60s, 10m or 250ms`);
}

/** `2000`, `2000/s`, `100/min`. Per second. */
export function readRate(name: string, text: string): number {
  const [number = '', unit = 's', ...more] = text.split('/');
  const perS = unitS[unit];
  if (more.length > 0 || perS === undefined) throw new BadUse(`${name} ${text} is no rate such as 2000/s or 100/min`);
  const value = readNumber(name, number.replaceAll(/[_,]/g, ''), text) / perS;
  if (value <= RATE_MAX) return value;
  throw new BadUse(`${name} ${text} is more than ${RATE_MAX} per second`);
}

/** A rate, or a share of all streams: `1%/min`. Streams per second. */
function readShare(name: string, text: string, streams: number): number {
  const [share = '', unit = ''] = text.split('/');
  if (!share.endsWith('%')) return readRate(name, text);
  const percent = readNumber(name, share.slice(0, -1), text);
  const perS = unitS[unit];
  if (perS === undefined || percent > 100) throw new BadUse(`${name} ${text} is no share such as 1%/min`);
  return (streams * percent) / 100 / perS;
}

function readTarget(name: string, text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || url.hostname === '') throw new BadUse(`${name} ${text} is no URL such as http://127.0.0.1:8080`);
  if (url.protocol === 'https:') {
    throw new BadUse(`${name} ${text}: TLS would measure the tester; aim at the plain port behind it`);
  }
  if (url.protocol !== 'http:') throw new BadUse(`${name} ${text} does not begin with http://`);
  if (url.pathname !== '/' || url.search !== '')
    throw new BadUse(`${name} ${text}: only host and port, the paths are the protocol's`);
  return url.origin;
}
