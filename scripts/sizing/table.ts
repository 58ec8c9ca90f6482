/** The first table of docs/sizing.md: the model for the numbers of clients that most begin with. */
import { type Sizing, sizingOf } from './model.ts';

export const clients = [100, 1_000, 10_000, 100_000] as const;

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

const count = (number: number) => Math.round(number).toLocaleString('en');
/** Two digits that count, never rounded to nothing. */
const rate = (number: number) => (number < 10 ? number.toPrecision(2).replace(/\.0$/, '') : count(number));
const cores = (number: number) => (number < 0.005 ? '< 0.01' : number.toFixed(2));
const size = (bytes: number) =>
  bytes < GIB ? `${count(Math.ceil(bytes / MIB))} MiB` : `${(bytes / GIB).toFixed(1)} GiB`;
const whole = (bytes: number) => (bytes < GIB ? `${bytes / MIB}M` : `${bytes / GIB}G`);

const rows: readonly (readonly [string, (sizing: Sizing) => string])[] = [
  [
    'machine, with Redis and the edge on it',
    ({ machine }) =>
      machine === undefined
        ? 'several'
        : `${machine.cores} ${machine.cores === 1 ? 'core' : 'cores'}, ${machine.bytes / GIB} GiB`,
  ],
  ['processes', ({ gateways }) => (gateways === 1 ? 'one, all roles' : `${gateways} gateways, 2 buckets, 2 mergers`)],
  ['streams that each must be able to hold', ({ streamsEach }) => count(streamsEach)],
  [
    '`LimitNOFILE`, `MemoryMax` of each; `MAX_STREAMS` follows',
    ({ descriptors, memoryMax }) => `${descriptors}, ${whole(memoryMax)}`,
  ],
  [
    '`EDGE_CONNECTIONS`, descriptors of the edge',
    ({ edgeConnections, edgeDescriptors }) => `${edgeConnections}, ${edgeDescriptors}`,
  ],
  ['changes per second', ({ changes }) => rate(changes)],
  ['events per second', ({ events }) => rate(events)],
  ['heartbeats per second, at most', ({ heartbeats }) => rate(heartbeats)],
  ['cores: gateways (events × **c** + heartbeats × **h**)', ({ gatewayCpu }) => cores(gatewayCpu)],
  ['cores: buckets, mergers and Redis (changes × **m**)', ({ storeCpu }) => cores(storeCpu)],
  ['memory: our processes (**b** each, and **g** a stream)', ({ gatewayBytes }) => size(gatewayBytes)],
  ['memory: kernel (3 **k** a stream)', ({ kernelBytes }) => size(kernelBytes)],
  ['memory: the edge (**p** a stream)', ({ edgeBytes }) => size(edgeBytes)],
  ['memory: Redis, all histories full (**r** and 1,024 **e** a room)', ({ redisBytes }) => size(redisBytes)],
  ['memory in all', ({ bytes }) => size(bytes)],
];

/** In Markdown. */
export function sizingTable(): string {
  const sizings = clients.map(sizingOf);
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    line(['clients', ...clients.map((each) => count(each))]),
    `|${'---|'.repeat(clients.length + 1)}`,
    ...rows.map(([name, tell]) => line([name, ...sizings.map(tell)])),
  ].join('\n');
}
