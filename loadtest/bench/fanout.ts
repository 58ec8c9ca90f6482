/**
 * Deliveries per CPU-second of the server, one event at a time, all streams on one channel: ours beside a bare `net` loop of
 * writes, `node:http` and, where it is installed, Nchan.
 *
 * Why this is valid: the next event is sent only when the one before has reached every stream, so nothing can be joined
 * and each delivery is a write of its own; what is counted is the frames that arrived, and the CPU time, user and
 * system, of the server's process alone, so a generator that is slower than the server does not matter. The kernel's
 * work for a loopback connection is in it, for all sides alike. Each side is a new process in each round, in turn; the
 * ratios are taken within a round. Everything is in memory: no Redis, no AOF.
 *
 * npm run bench -- fanout [--rounds 5] [--streams 15000] [--events 40]
 */
import { type Contestant, nchan, net, nodeHttp, ours, smallchange } from './contestants.ts';
import { type Delivery, HeldStreams } from './held-streams.ts';
import { numbersOf } from './options.ts';
import { publish, spreadOf, table, written } from './report.ts';

const { rounds, streams, events } = numbersOf({ rounds: 5, streams: 15_000, events: 40 });
/** Until then the code of a Node server is not compiled yet. */
const WARM_UP_EVENTS = 10;

async function measure(side: Contestant): Promise<Delivery> {
  const server = await side.start();
  const held = new HeldStreams(server);
  try {
    await held.open(streams, 1);
    await held.deliver(WARM_UP_EVENTS, 'room0', streams);
    return await held.deliver(events, 'room0', streams);
  } finally {
    await held.close();
    await server.stop();
  }
}

const sides = [net, nodeHttp, ...nchan, smallchange].map((side) => ({ side, deliveries: [] as Delivery[] }));
const perCpuS = ({ frames, serverCpuS }: Delivery) => frames / serverCpuS;

for (let round = 1; round <= rounds; round++) {
  for (const { side, deliveries } of sides) {
    const delivery = await measure(side);
    deliveries.push(delivery);
    console.log(`round ${round}: ${side.name} ${Math.round(perCpuS(delivery))} deliveries per CPU-second`);
  }
}

const own = sides.find(({ side }) => side.name === ours)!.deliveries;
publish(
  'fanout',
  'Deliveries per CPU-second, one event at a time',
  [
    `${streams.toLocaleString('en')} streams on one channel, ${events} events, ${rounds} rounds in turn; median (min–max). No AOF.`,
    nchan.length > 0 ? '' : 'Nchan is not installed here.',
    table(
      ['server', 'deliveries per CPU-second', 'deliveries/s', 'holder CPU', `${ours} ÷ this`],
      sides.map(({ side, deliveries }) => [
        side.name,
        written(spreadOf(deliveries.map(perCpuS))),
        written(spreadOf(deliveries.map(({ frames, seconds }) => frames / seconds))),
        written(spreadOf(deliveries.map(({ holderCpuS, seconds }) => holderCpuS / seconds)), 2),
        written(spreadOf(deliveries.map((delivery, i) => perCpuS(own[i]!) / perCpuS(delivery))), 2),
      ]),
    ),
    '',
    'CPU in cores, over the time of the deliveries.',
  ].join('\n'),
);
