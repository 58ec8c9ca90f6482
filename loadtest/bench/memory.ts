/**
 * User memory per idle stream, on one channel, on a tenth as many channels as streams, and on a channel each; and again
 * after 1,000 deliveries to each.
 *
 * Why this is valid: it is resident memory after two full collections of garbage, so neither what V8 may give back nor
 * what the kernel holds for sockets is in it; every server is a Node of the same version and arguments; each
 * figure is of a process of its own, in turn. Two figures, because either alone can be argued with:
 *   from idle  all that has come since the server listened, divided by all streams: with the code that was compiled
 *              meanwhile and the heap's own slack, and so too high;
 *   slope      between the first third of the streams and all of them: what one more stream costs.
 * "With Redis" is a process with the role gateway alone: there every channel costs a subscription too.
 * After deliveries: in bursts, so that it takes seconds for ours, which joins what comes at once. The others write
 * each event by itself and get a tenth, which is named in the row.
 *
 * npm run bench -- memory [--rounds 3] [--streams 15000] [--events 1000]
 */
import { betterSse, type Contestant, fastifySse, net, nodeHttp, ours, smallchange } from './contestants.ts';
import { HeldStreams } from './held-streams.ts';
import { heldBytesOf, nodeVersion, startSmallchange } from './measured.ts';
import { numbersOf } from './options.ts';
import { startRedis } from './redis.ts';
import { publish, spreadOf, table, written } from './report.ts';

const { rounds, streams, events } = numbersOf({ rounds: 3, streams: 15_000, events: 1000 });
const first = Math.floor(streams / 3);
const BURST_EVENTS = 50;
const KIB = 1024;

interface Figures {
  readonly fromIdle: number;
  readonly slope: number;
  /** Once events have been delivered: from idle, and by how much that is more than before, as a share. */
  readonly after?: { readonly fromIdle: number; readonly growth: number; readonly events: number };
  readonly holderCpuS: number;
}

const withRedis: Contestant = {
  name: `${ours}, gateway with Redis`,
  async start() {
    const redis = await startRedis('off');
    const gateway = await startSmallchange({ env: { ROLES: 'gateway', REDIS_URL: redis.url, MAX_STREAMS: '19500' } });
    return {
      ...gateway,
      async stop() {
        await gateway.stop();
        await redis.stop();
      },
    };
  },
};

/** A gateway alone has nobody to send changes to. */
function eventsFor(side: Contestant, channels: number): number {
  if (channels > 1 || side === withRedis) return 0;
  return side === smallchange ? events : Math.ceil(events / 10);
}

async function measure(side: Contestant, channels: number): Promise<Figures> {
  const server = await side.start();
  const held = new HeldStreams(server);
  try {
    const idle = await heldBytesOf(server);
    await held.open(first, channels);
    const atFirst = await heldBytesOf(server);
    await held.open(streams - first, channels);
    const atAll = await heldBytesOf(server);
    const fromIdle = (atAll - idle) / streams / KIB;
    const slope = (atAll - atFirst) / (streams - first) / KIB;
    const delivered = eventsFor(side, channels);
    for (let sent = 0; sent < delivered; sent += BURST_EVENTS) {
      await held.burst(Math.min(BURST_EVENTS, delivered - sent), 'room0', streams);
    }
    const { cpuS: holderCpuS } = await held.counted();
    if (delivered === 0) return { fromIdle, slope, holderCpuS };
    const afterwards = (await heldBytesOf(server)) - idle;
    const after = { fromIdle: afterwards / streams / KIB, growth: afterwards / (atAll - idle) - 1, events: delivered };
    return { fromIdle, slope, after, holderCpuS };
  } finally {
    await held.close();
    await server.stop();
  }
}

interface Cell {
  readonly side: Contestant;
  readonly channels: number;
  readonly figures: Figures[];
}

const several = [smallchange, withRedis, net, nodeHttp, fastifySse];
const cells: Cell[] = [1, Math.ceil(streams / 10), streams].flatMap((channels) =>
  [...several, ...(channels === 1 ? [betterSse] : [])].map((side) => ({ side, channels, figures: [] })),
);
for (let round = 1; round <= rounds; round++) {
  for (const { side, channels, figures } of cells) {
    const figure = await measure(side, channels);
    figures.push(figure);
    console.log(
      `round ${round}: ${side.name}, ${channels} channels: ${figure.fromIdle.toFixed(2)} KB from idle,`,
      `slope ${figure.slope.toFixed(2)} KB`,
      figure.after ? `, after ${figure.after.events} events ${(100 * figure.after.growth).toFixed(1)} %` : '',
    );
  }
}

const rowsFor = (channels: number) => {
  const of = cells.filter((cell) => cell.channels === channels);
  const plain = of.find(({ side }) => side === nodeHttp)!.figures;
  return of.map(({ side, figures }) => [
    channels.toLocaleString('en'),
    side.name,
    written(spreadOf(figures.map(({ fromIdle }) => fromIdle)), 2),
    written(spreadOf(figures.map(({ slope }) => slope)), 2),
    written(spreadOf(figures.map(({ fromIdle }, i) => fromIdle / plain[i]!.fromIdle)), 2),
    figures[0]!.after
      ? `${written(spreadOf(figures.map(({ after }) => 100 * after!.growth)), 1)} % (${figures[0]!.after.events} events)`
      : '–',
    written(spreadOf(figures.map(({ holderCpuS }) => holderCpuS)), 1),
  ]);
};
publish(
  'memory',
  `User memory per idle stream, Node ${nodeVersion}`,
  [
    `${streams.toLocaleString('en')} streams, KB (1,024 bytes) each, ${rounds} rounds in turn; median (min–max).`,
    'No AOF: nothing is written to a store while streams idle.',
    '',
    table(
      ['channels', 'server', 'from idle', 'slope', '× node:http', 'after deliveries', 'holder CPU s'],
      [...new Set(cells.map(({ channels }) => channels))].flatMap(rowsFor),
    ),
  ].join('\n'),
);
