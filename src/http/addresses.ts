/**
 * Whose request it is, as limits count it: the other end of the connection or, where that is a proxy of `TRUST_PROXY`, who it says asks:
 * the last address of `X-Forwarded-For` that is no such proxy itself. What stands before that, anybody may have written.
 *
 * An IPv6 address counts as its /64, which is what one subscriber has; an IPv4 address is the same however it is written. Whoever is on this
 * machine itself (127.0.0.0/8, ::1) is not counted: a proxy that was not told of, a tool of the operator, a benchmark.
 */
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { Address } from '../access/limits.ts';
import type { Network } from '../config.ts';
import type { Logger } from '../log.ts';

export interface AddressesOptions {
  readonly trustProxy: readonly Network[];
  readonly log: Pick<Logger, 'warn'>;
}

/** One of those on the way from a client to us. */
export interface Hop {
  readonly address: Address;
  readonly isTrusted: boolean;
}

export interface Addresses {
  /** The other end of a connection. */
  peer(remoteAddress: string | undefined): Hop;
  /** @param forwarded `X-Forwarded-For`, as it came; undefined where there is none. */
  of(peer: Hop, forwarded: string | undefined): Address;
}

/** Some 300 bytes each. Above it the one that came first is read anew. */
const KNOWN_MAX = 10_000;
/** IPv6 with an IPv4 end, brackets and a port. */
const TEXT_MAX = 60;

const nobody: Hop = { address: '', isTrusted: false };

export function createAddresses({ trustProxy, log }: AddressesOptions): Addresses {
  const known = new Map<string, Hop>();
  let isTold = false;

  function hopOf(text: string): Hop | undefined {
    if (text.length > TEXT_MAX) return undefined;
    const seen = known.get(text);
    if (seen !== undefined) return seen;
    const made = read(text, trustProxy);
    if (made === undefined) return undefined;
    if (known.size >= KNOWN_MAX) known.delete(known.keys().next().value!);
    // A copy: a part of a header would keep all of it.
    known.set(Buffer.from(text, 'latin1').toString('latin1'), made);
    return made;
  }

  function tellOnce(): void {
    isTold = true;
    log.warn(
      'X-Forwarded-For comes from an address that is not in TRUST_PROXY: limits count all of its clients as one',
    );
  }

  return {
    peer: (remoteAddress) => (remoteAddress === undefined ? nobody : (hopOf(remoteAddress) ?? nobody)),
    of(peer, forwarded) {
      if (forwarded === undefined) return peer.address;
      if (!peer.isTrusted) {
        if (!isTold) tellOnce();
        return peer.address;
      }
      let hop = peer;
      for (let end = forwarded.length; end > 0 && hop.isTrusted; ) {
        const start = forwarded.lastIndexOf(',', end - 1) + 1;
        const next = hopOf(forwarded.slice(start, end).trim());
        // Who says what is no address, answers for it.
        if (next === undefined) return hop.address;
        hop = next;
        end = start - 1;
      }
      return hop.address;
    },
  };
}

/** With a port, as some proxies write it. */
const withPort = /^(?:\[([^\]]*)\]|([0-9.]+))(?::\d{1,5})?$/;

function read(text: string, trusted: readonly Network[]): Hop | undefined {
  const [, inBrackets, before] = withPort.exec(text) ?? [];
  const bare = inBrackets ?? before ?? text;
  // The library knows ways of writing one that nobody else takes for the same: it sees only what Node takes for one, IPv6 in one form.
  const version = bare.includes('%') ? 0 : isIP(bare);
  if (version === 0) return undefined;
  const address = ipaddr.process(version === 6 ? new URL(`http://[${bare}]`).hostname.slice(1, -1) : bare);
  const isTrusted = trusted.some(([network, bits]) => {
    return network.kind() === address.kind() && address.match(network, bits);
  });
  return { address: address.range() === 'loopback' ? '' : keyOf(address), isTrusted };
}

function keyOf(address: ipaddr.IPv4 | ipaddr.IPv6): Address {
  if (address instanceof ipaddr.IPv4) return address.toString();
  const [a = 0, b = 0, c = 0, d = 0] = address.parts;
  return `${a.toString(16)}:${b.toString(16)}:${c.toString(16)}:${d.toString(16)}`;
}
