/** REDIS_URL taken apart: where the servers are, and as whom to connect. Nothing here ever shows a password. */
import type { RedisOptions } from 'ioredis';

/** What ioredis has to know to reach a server. */
export type Target = Pick<
  RedisOptions,
  'host' | 'port' | 'username' | 'password' | 'db' | 'tls' | 'sentinels' | 'name'
>;

const REDIS_PORT = 6379;
const SENTINEL_PORT = 26379;

/** @param urls One URL, or several with commas (a password may contain one, but not followed by a scheme). */
export function targetsFrom(urls: string): Target[] {
  return urls.split(/\s*,\s*(?=rediss?:)/i).map((url) => targetFrom(new URL(url)));
}

function targetFrom(url: URL): Target {
  const { protocol, hostname, port, username, password, pathname } = url;
  return {
    host: withoutBrackets(hostname),
    ...(port !== '' && { port: Number(port) }),
    ...(username !== '' && { username: decodeURIComponent(username) }),
    ...(password !== '' && { password: decodeURIComponent(password) }),
    ...(pathname.length > 1 && { db: Number(pathname.slice(1)) }),
    ...(protocol === 'rediss:' && { tls: {} }),
  };
}

/** Another server of the same fleet: the same user, password and encryption. */
export function elsewhere(target: Target, address: string): Target {
  const [host, port] = split(address);
  return { ...target, host, port };
}

/**
 * The primary that Sentinels know by a name. User, password, database and encryption, those of the first URL, are the
 * Redis servers'; the Sentinels themselves are asked without a password.
 */
export function behindSentinels(sentinels: readonly Target[], name: string): Target {
  const { host: _host, port: _port, ...first } = sentinels[0]!;
  return { ...first, name, sentinels: sentinels.map(({ host, port = SENTINEL_PORT }) => ({ host: host!, port })) };
}

/** For people, and as a key: `host:port`. */
export function addressOf({ host, port = REDIS_PORT, sentinels }: Target): string {
  if (sentinels) return `Sentinels ${sentinels.map((one) => `${one.host}:${one.port}`).join(', ')}`;
  return join(host ?? 'localhost', port);
}

export function join(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

export function split(address: string): [host: string, port: number] {
  const colon = address.lastIndexOf(':');
  return [withoutBrackets(address.slice(0, colon)), Number(address.slice(colon + 1))];
}

function withoutBrackets(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}
