/** The protocol's contract, asked of a whole fleet through an edge: two buckets, two gateways, one merger. */
import { after, before, describe } from 'node:test';
import { contractEnv, protocolContract } from '../contract/protocol.ts';
import { type Fleet, startFleet } from '../e2e/fleet.ts';
import { type Edge, type EdgeProcess, startEdge } from '../support/edge.ts';
import { type Trust, trust } from '../support/trust.ts';

/** A test by its name, and why it is not met through an edge. */
type Difference = readonly [name: RegExp, why: string];

/** HTTP/1.1 without TLS; or TLS, with HTTP/2 for all clients but those that write HTTP/1.1 by hand, which they do inside TLS. */
type Way = 'http/1.1' | 'h2';

const operatorsPaths: Difference = [/^P27: \/metrics/, 'an edge passes nobody on to the paths of operators'];
/** What does not parse is answered before any rule is reached: 400 all the same, but with HAProxy's own page. */
const notParsed = 'HAProxy answers what is no HTTP with a page of its own';
/** So no server can say what is right, nor that an origin may read it: 400 all the same, and the connection ends. */
const decoded = 'nginx decodes every path itself, and answers what it cannot decode before it has read the header';

/** The same over every way. What an edge does instead has tests of its own: `instead.test.ts`. */
const differences: Readonly<Record<Edge, readonly Difference[]>> = {
  haproxy: [
    operatorsPaths,
    [/^P2: a blank or a line feed in the request line/, notParsed],
    [/^P1: what is no HTTP is 400/, notParsed],
  ],
  nginx: [
    operatorsPaths,
    [/^P2: NUL is 400/, decoded],
    [/^P26: also what is said of a path/, decoded],
    [/^P2: a way above the root/, 'nginx answers a way above the root with 400, where a server says 404'],
  ],
};

export function contractThrough(edge: Edge): void {
  let fleet: Fleet | undefined;
  let proxy: EdgeProcess | undefined;
  before(async () => {
    fleet = await startFleet({ env: contractEnv, roles: ['bucket', 'bucket', 'merger', 'gateway', 'gateway'] });
    proxy = await startEdge(edge, { buckets: fleet.of('bucket'), gateways: fleet.of('gateway') });
  });
  after(async () => {
    await proxy?.stop();
    await fleet?.[Symbol.asyncDispose]();
  });
  // What a cursor or a state says is in the body, which the first way has shown to come through whole.
  const contractOver = (way: Way) =>
    protocolContract(
      {
        name: `through ${edge}, ${way}`,
        baseUrl: () => (way === 'h2' ? proxy!.tlsUrl : proxy!.plainUrl),
        differs: (test) => differences[edge].find(([name]) => name.test(test))?.[1],
      },
      way === 'h2' ? 'on the way' : 'all',
    );
  describe(`the contract through ${edge}`, () => {
    contractOver('http/1.1');
    // Who trusts, speaks HTTP/2 alone: after the other.
    describe('for those who trust its certificate', () => {
      let trusting: Trust | undefined;
      before(() => {
        trusting = trust(proxy!.certificate);
      });
      after(() => trusting?.[Symbol.asyncDispose]());
      contractOver('h2');
    });
  });
}
