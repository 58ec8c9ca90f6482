/** Networks, as proxies and firewalls write them. */
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { type Kind, splitList } from './kinds.ts';

/** A network, and how many of its bits count. */
export type Network = readonly [address: ipaddr.IPv4 | ipaddr.IPv6, bits: number];

/** A comma list of addresses and CIDR blocks (RFC 4632, RFC 4291 §2.3). */
export const networks: Kind<readonly Network[]> = {
  form: 'a comma list of addresses and networks such as `10.0.0.0/8`',
  parse(text) {
    const read = splitList(text).map(networkOf);
    const known = read.filter((network) => network !== undefined);
    return known.length === read.length ? { ok: true, value: known } : { ok: false, problem: `must be ${this.form}` };
  },
};

function networkOf(text: string): Network | undefined {
  const [address = '', bits, ...rest] = text.split('/');
  const longest = { 0: 0, 4: 32, 6: 128 }[isIP(address)]!;
  // With dots in it the library does not read it as others do.
  if (
    longest === 0 ||
    (longest === 128 && address.includes('.')) ||
    rest.length > 0 ||
    !/^(0|[1-9]\d{0,2})$/.test(bits ?? String(longest))
  )
    return undefined;
  const count = bits === undefined ? longest : Number(bits);
  return count <= longest ? [ipaddr.parse(address), count] : undefined;
}
