/**
 * Which Hosts are answered. Who owns a name can make it resolve to 127.0.0.1 (DNS rebinding): for a browser, a page of that name
 * is then of our own origin and may send, read and listen. Only the Host gives it away.
 */
import { isIPv4 } from 'node:net';
import type { Config } from '../config.ts';

export type HostConfig = Pick<Config, 'loopbackOnly' | 'publicHosts'>;
export type HostRule = (host: string) => boolean;

/** RFC 3986 §3.2: a name or a bracketed address, and a port, which may be empty. */
const namePattern = /^(\[[^\]]*\]|[^:]*)(?::\d{0,5})?$/;

function nameIn(host: string): string | undefined {
  return namePattern.exec(host)?.[1]?.toLowerCase();
}

function isLocalName(name: string): boolean {
  return name === 'localhost' || name === '[::1]' || (name.startsWith('127.') && isIPv4(name));
}

/** Whether a Host means this machine, whatever its port. */
export function isLocalHost(host: string): boolean {
  const name = nameIn(host);
  return name !== undefined && isLocalName(name);
}

/** @returns null where every Host is answered: beyond loopback, without names that are ours. */
export function hostRule({ loopbackOnly, publicHosts }: HostConfig): HostRule | null {
  if (!loopbackOnly && publicHosts === null) return null;
  const names = publicHosts ?? [];
  return (host) => {
    const name = nameIn(host);
    return name !== undefined && (isLocalName(name) || names.includes(name));
  };
}

const authorityPattern = /^https?:\/\/([^/?#]*)/i;

/** The authority of an absolute target, which counts in the place of the Host (RFC 9112 §3.2.2); undefined of a path. */
export function authorityOf(target: string): string | undefined {
  return target.startsWith('/') ? undefined : authorityPattern.exec(target)?.[1];
}
