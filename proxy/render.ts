/**
 * Fills a template: `@NAME@` becomes a setting, and a line that names `@BUCKET@` or `@GATEWAY@` is repeated for each of them.
 *
 * Run by itself it writes the file for the environment it finds: `npm run edge:render -- haproxy > /etc/haproxy/haproxy.cfg`.
 */
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { type Edge, type EdgeSettings, readSettings, snake } from './settings.ts';

const templates: Readonly<Record<Edge, URL>> = {
  haproxy: new URL('haproxy.cfg', import.meta.url),
  nginx: new URL('nginx.conf', import.meta.url),
};

/**
 * HAProxy's connections to servers, in shares of those from clients: together a little above them, because one client may hold
 * a stream and send changes, and low enough for the descriptors (see `maxconn`).
 */
const SHARES = { streams: 0.85, others: 0.15, changes: 0.1 };

/** Of the connections from clients: the rest is for saying to those who come then that there is no place. */
const SERVED = 0.9;

/** What HAProxy has besides for probes. */
const HEALTH_CONNECTIONS = 100;

export function isEdge(name: string | undefined): name is Edge {
  return name === 'haproxy' || name === 'nginx';
}

/** @throws when the template names something that there is not. */
export function render(edge: Edge, settings: EdgeSettings): string {
  const { buckets, gateways, connections, ...plain } = settings;
  const each = (share: number, servers: readonly string[]) =>
    Math.max(1, Math.floor((connections * share) / servers.length));
  const values = new Map<string, string | number>([
    ...Object.entries(plain).map(([key, value]) => [snake(key), value] as const),
    ['CONNECTIONS', connections],
    ['CONNECTIONS_OF_WORKER', 2 * connections + 1500],
    ['DESCRIPTORS', 2 * connections + 2000],
    ['CONNECTIONS_AND_HEALTH', connections + HEALTH_CONNECTIONS],
    ['CONNECTIONS_SERVED', Math.ceil(connections * SERVED)],
    ['CONNECTIONS_HALF', Math.ceil(connections / 2)],
    ['STREAMS', Math.ceil(connections * SHARES.streams)],
    ['STREAMS_PER_GATEWAY', each(SHARES.streams, gateways)],
    ['OTHERS_PER_GATEWAY', each(SHARES.others, gateways)],
    ['CHANGES_PER_BUCKET', each(SHARES.changes, buckets)],
  ]);
  const fill = (line: string, more: Readonly<Record<string, string | number>> = {}) =>
    line.replaceAll(/@([A-Z_]+)@/g, (_all, name: string) => {
      const value = more[name] ?? values.get(name);
      if (value === undefined) throw new Error(`the template of ${edge} names ${name}, which is no setting`);
      return String(value);
    });
  // The comment in front explains the template, and would be wrong of the file.
  const lines = readFileSync(templates[edge], 'utf8')
    .replace(/^(#.*\n)+/, '')
    .split('\n');
  const filled = lines.flatMap((line) => {
    if (line.includes('@BUCKET@')) return buckets.map((BUCKET, i) => fill(line, { BUCKET, N: i + 1 }));
    if (line.includes('@GATEWAY@')) return gateways.map((GATEWAY, i) => fill(line, { GATEWAY, N: i + 1 }));
    return [fill(line)];
  });
  return `# Made by proxy/render.ts of smallchange: change the template or the settings, not this file.\n${filled.join('\n')}`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const edge = process.argv[2];
  try {
    if (!isEdge(edge)) throw new Error('say which: haproxy or nginx');
    process.stdout.write(render(edge, readSettings(edge, process.env)));
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exitCode = 2;
  }
}
