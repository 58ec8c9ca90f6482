/**
 * Fills a template: `@NAME@` becomes a setting, and a line that names one of a list (`lists` below) is repeated
 * for each of them; of an empty one it is left out.
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
const SERVED = 0.95;

/** What HAProxy has besides, for probes and for who watches it. */
const OPERATORS_CONNECTIONS = 150;

export function isEdge(name: string | undefined): name is Edge {
  return name === 'haproxy' || name === 'nginx';
}

/** How each program is told which origins it is to know. */
function originPatterns(edge: Edge, { corsOrigins, plain, tls }: EdgeSettings): readonly string[] {
  const isNginx = edge === 'nginx';
  if (corsOrigins === '*') return [isNginx ? '"~."' : '-m found'];
  if (corsOrigins !== '') return corsOrigins.split(',').map((origin) => (isNginx ? `"${origin}"` : `-m str ${origin}`));
  const isLocal = [plain, tls].every((address) => /^(127\.[\d.]+|localhost|\[::1\]):/.test(address));
  const local = String.raw`^https?://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]+)?$`;
  if (!isLocal) return [];
  return [isNginx ? `"~${local}"` : `-m reg '${local}'`];
}

/** Where every origin may read, none may with cookies (Fetch standard, "CORS protocol and credentials"). */
function anybody(edge: Edge, { corsOrigins }: EdgeSettings): readonly string[] {
  if (corsOrigins !== '*') return [];
  return [edge === 'nginx' ? '""' : 'always_true'];
}

function trusted(edge: Edge, { proxyProtocol, trustedProxies }: EdgeSettings): readonly string[] {
  // To nginx even the balancer that speaks the PROXY protocol is one to be trusted: all who can connect are.
  if (edge === 'nginx' && proxyProtocol === 'on') return ['0.0.0.0/0', '::/0'];
  return trustedProxies === '' ? [] : trustedProxies.split(',');
}

/** Empty where nobody watches the certificate. */
function ofWatcher({ certificateLua, certificate, certificateEveryS, runDir }: EdgeSettings) {
  const lines = {
    CONTROL: `${runDir}/haproxy.sock`,
    WATCHED: certificate,
    EVERY_S: `${certificateEveryS}`,
    WATCHER: certificateLua,
  };
  return Object.entries(lines).map(([name, value]) => [name, certificateLua === '' ? [] : [value]] as const);
}

/**
 * @param words What is written in the place of a value: of `REQUESTS_PER_S` another text than its setting.
 * @throws when the template names something that there is not.
 */
export function render(edge: Edge, settings: EdgeSettings, words: Readonly<Record<string, string>> = {}): string {
  const { buckets, gateways, connections, ...plain } = settings;
  const each = (share: number, servers: readonly string[]) =>
    Math.max(1, Math.floor((connections * share) / servers.length));
  const isProxied = settings.proxyProtocol === 'on';
  const isHttpsOnly = settings.httpsOnly === 'on';
  const acceptProxy = edge === 'nginx' ? ' proxy_protocol' : ' accept-proxy';
  const values = new Map<string, string | number>([
    ...Object.entries(plain).map(([key, value]) => [snake(key), value] as const),
    ['ACCEPT_PROXY', isProxied ? acceptProxy : ''],
    // Whose a connection is, HAProxy knows at once, or only when it has been told.
    ['ACCEPTED', isProxied ? 'session' : 'connection'],
    ['ADDRESS_FROM', isProxied ? 'proxy_protocol' : 'X-Forwarded-For'],
    ['CONNECTIONS', connections],
    ['CONNECTIONS_OF_WORKER', 2 * connections + 1500],
    ['DESCRIPTORS', 2 * connections + 2000],
    ['CONNECTIONS_AND_OPERATORS', connections + OPERATORS_CONNECTIONS],
    ['CONNECTIONS_SERVED', Math.ceil(connections * SERVED)],
    ['CONNECTIONS_HALF', Math.ceil(connections / 2)],
    ['STREAMS', Math.ceil(connections * SHARES.streams)],
    ['STREAMS_PER_GATEWAY', each(SHARES.streams, gateways)],
    ['OTHERS_PER_GATEWAY', each(SHARES.others, gateways)],
    ['CHANGES_PER_BUCKET', each(SHARES.changes, buckets)],
  ]);
  const lists: readonly (readonly [name: string, items: readonly string[]])[] = [
    ['BUCKET', buckets],
    ['GATEWAY', gateways],
    ['ORIGIN', originPatterns(edge, settings)],
    ['ANYBODY', anybody(edge, settings)],
    ['TRUSTED', trusted(edge, settings)],
    ...ofWatcher(settings),
    ['CLEAR', isHttpsOnly ? [edge === 'nginx' ? 'http' : 'ssl_fc,not'] : []],
    ['ENCRYPTED', isHttpsOnly ? [edge === 'nginx' ? 'https' : 'ssl_fc'] : []],
  ];
  const fill = (line: string, more: Readonly<Record<string, string | number>> = {}) =>
    line.replaceAll(/@([A-Z_]+)@/g, (_all, name: string) => {
      const value = more[name] ?? words[name] ?? values.get(name);
      if (value === undefined) throw new Error(`the template of ${edge} names ${name}, which is no setting`);
      return String(value);
    });
  // The comment in front explains the template, and would be wrong of the file.
  const lines = readFileSync(templates[edge], 'utf8')
    .replace(/^(#.*\n)+/, '')
    .split('\n');
  const filled = lines.flatMap((line) => {
    const [name, items] = lists.find(([each]) => line.includes(`@${each}@`)) ?? [];
    if (name === undefined) return [fill(line)];
    return items!.map((item, i) => fill(line, { [name]: item, N: i + 1 }));
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
