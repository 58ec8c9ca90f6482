/**
 * What can be set of an edge: every variable of the two templates, with its default. Read from the environment under the same
 * names with `EDGE_` in front, but for the two lists of servers.
 */
export interface EdgeSettings {
  /** `address:port` of every bucket, at least one. Environment: `BUCKETS`, with commas. */
  readonly buckets: readonly string[];
  /** `address:port` of every gateway, at least one. Environment: `GATEWAYS`, with commas. */
  readonly gateways: readonly string[];
  /** `address:port` for plain HTTP/1.1. */
  readonly plain: string;
  /** `address:port` for TLS, with h2 and http/1.1. */
  readonly tls: string;
  /** `address:port` where `/healthz` says that the edge lives, however full it is; for probes, not for clients. */
  readonly health: string;
  /** `address:port` where `/metrics` and `/metrics/edge` (nginx: that and `/status`) tell who watches it; for nobody else. */
  readonly metrics: string;
  /** `on`: what comes in clear is sent to TLS, on port 443, and TLS says that it is to be come back to (HSTS). */
  readonly httpsOnly: string;
  /**
   * What `CORS_ORIGINS` is for a server, for what the edge says itself: `*`, or origins with commas; empty: none, but every
   * localhost origin when the edge listens on loopback only.
   */
  readonly corsOrigins: string;
  /** `on`: every connection begins with the PROXY protocol, by which a balancer in front says whose it is. */
  readonly proxyProtocol: string;
  /** Addresses or networks of balancers in front, with commas, whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: string;
  /** A PEM file with the certificate, its chain and its key. */
  readonly certificate: string;
  /** For HAProxy: where `certificate.lua` is, by which a renewed certificate is taken up without a reload; empty: by a reload only. */
  readonly certificateLua: string;
  /** How often that looks, seconds. */
  readonly certificateEveryS: number;
  /** HAProxy: `stdout`, `/dev/log` or `address:port` of a syslog; nginx: a file. */
  readonly log: string;
  /** For nginx: a folder for its pid, its error log and bodies under way, writable by its workers. For HAProxy: for the socket of `certificateLua`. */
  readonly runDir: string;
  /** Connections from clients, at most; descriptors are needed for twice as many, and a little. */
  readonly connections: number;
  /** Of one address. */
  readonly connectionsPerIp: number;
  /** Of one address, with a burst of one second's worth. */
  readonly requestsPerS: number;
  /** The largest body that is let through; what a server takes is its own `MAX_CHANGE_BYTES`. */
  readonly bodyBytes: number;
  /** How long a header may take to arrive, and then a body, seconds; a server's own limits are 10 and 15. */
  readonly slowS: number;
  /** How long a stream may be silent, seconds: above the longest interval of heartbeats. */
  readonly idleS: number;
  /** How long the streams of before a reload are kept, seconds. */
  readonly reloadS: number;
}

export type Edge = 'haproxy' | 'nginx';

/** Above the largest that `MAX_CHANGE_BYTES` can be set to: whoever sends too much reads the server's own sentence. */
const BODY_BYTES = 1024 * 1024;

export const defaults: Readonly<Record<Edge, Omit<EdgeSettings, 'buckets' | 'gateways'>>> = {
  haproxy: defaultsWith({ certificate: '/etc/haproxy/edge.pem', log: '/dev/log' }),
  nginx: defaultsWith({ certificate: '/etc/nginx/edge.pem', log: '/var/log/nginx/smallchange.log' }),
};

function defaultsWith(paths: Pick<EdgeSettings, 'certificate' | 'log'>) {
  return {
    plain: '0.0.0.0:80',
    tls: '0.0.0.0:443',
    health: '127.0.0.1:8404',
    metrics: '127.0.0.1:8405',
    httpsOnly: 'off',
    certificateLua: '',
    certificateEveryS: 10,
    corsOrigins: '',
    proxyProtocol: 'off',
    trustedProxies: '',
    runDir: '/run/smallchange-edge',
    connections: 9000,
    connectionsPerIp: 100,
    requestsPerS: 200,
    bodyBytes: BODY_BYTES,
    slowS: 10,
    idleS: 90,
    reloadS: 1800,
    ...paths,
  };
}

/** What a text may be, and how that is said. */
const forms: Readonly<Record<string, readonly [form: RegExp, said: string]>> = {
  corsOrigins: [
    /^(\*|https?:\/\/[a-z0-9.:[\]-]+(,https?:\/\/[a-z0-9.:[\]-]+)*)?$/,
    '* or origins such as https://app.example, with commas',
  ],
  proxyProtocol: [/^(on|off)$/, 'on or off'],
  httpsOnly: [/^(on|off)$/, 'on or off'],
  certificateLua: [/^[\w./-]*$/, 'a path'],
  trustedProxies: [
    /^([0-9a-f.:]+(\/\d{1,3})?(,[0-9a-f.:]+(\/\d{1,3})?)*)?$/i,
    'addresses or networks such as 10.0.0.0/8, with commas',
  ],
};
const plainForm = [/^[\w./:[\]-]+$/, 'letters, digits and . / : [ ] - _'] as const;

const ADDRESS = /^(\[[0-9a-f:.]+\]|[\w.-]+):\d{1,5}$/i;

/** @throws with one line for each thing that is wrong. */
export function readSettings(edge: Edge, env: Readonly<Record<string, string | undefined>>): EdgeSettings {
  const problems: string[] = [];
  const list = (name: string): string[] => {
    const addresses = (env[name] ?? '').split(',').filter(Boolean);
    if (addresses.length === 0) problems.push(`${name} is missing: address:port, several with commas`);
    for (const each of addresses) if (!ADDRESS.test(each)) problems.push(`${name}: ${each} is no address:port`);
    return addresses;
  };
  const servers = { buckets: list('BUCKETS'), gateways: list('GATEWAYS') };
  const read: Record<string, string | number> = {};
  for (const [key, value] of Object.entries(defaults[edge])) {
    const name = `EDGE_${snake(key)}`;
    const given = env[name] ?? String(value);
    read[key] = typeof value === 'number' ? Number(given) : given;
    if (typeof value === 'number' && !/^[1-9]\d{0,8}$/.test(given))
      problems.push(`${name}: ${given} is no whole number`);
    const [form, said] = forms[key] ?? plainForm;
    if (typeof value === 'string' && !form.test(given)) problems.push(`${name}: ${given} is not ${said}`);
  }
  if (edge === 'nginx' && read.proxyProtocol === 'on' && read.trustedProxies !== '')
    problems.push('EDGE_TRUSTED_PROXIES: nginx takes either this or EDGE_PROXY_PROTOCOL');
  if (problems.length > 0) throw new Error(problems.join('\n'));
  return { ...(read as unknown as EdgeSettings), ...servers };
}

/** `connectionsPerIp` → `CONNECTIONS_PER_IP`. */
export function snake(key: string): string {
  return key.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}
