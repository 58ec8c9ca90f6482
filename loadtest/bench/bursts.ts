/**
 * Deliveries in bursts: 1,000 events at once to 5,000 streams of one channel, beside one event at a time.
 *
 * Why this is valid: both are the same server, streams and channel in the same minute, and all frames are counted at the
 * client; the time is from the first POST to the last byte, the POSTs themselves included. That ours joins what comes at
 * once into few writes is what is measured here. The others write each event by itself and so get a tenth of the
 * events. The client's own CPU is told: where it was the limit, the server could do more. In memory: no Redis, no AOF.
 *
 * npm run bench -- bursts [--rounds 5] [--streams 5000] [--events 1000]
 */
import { type Contestant, nchan, net, nodeHttp, smallchange } from './contestants.ts';
import { type Delivery, HeldStreams } from './held-streams.ts';
import { numbersOf } from './options.ts';
import { publish, spreadOf, table, written } from './report.ts';

const { rounds, streams, events } = numbersOf({ rounds: 5, streams: 5000, events: 1000 });
const SINGLE_EVENTS = 60;
const WARM_UP_EVENTS = 10;

interface Round {
  readonly single: Delivery;
  readonly burst: Delivery;
}

async function measure(side: Contestant): Promise<Round> {
  const server = await side.start();
  const held = new HeldStreams(server);
  const atOnce = side === smallchange ? events : Math.ceil(events / 10);
  try {
    await held.open(streams, 1);
    await held.deliver(WARM_UP_EVENTS, 'room0', streams);
    await held.burst(WARM_UP_EVENTS, 'room0', streams);
    const single = await held.deliver(SINGLE_EVENTS, 'room0', streams);
    return { single, burst: await held.burst(atOnce, 'room0', streams) };
  } finally {
    await held.close();
    await server.stop();
  }
}

const perS = ({ frames, seconds }: Delivery) => frames / seconds;
const perCpuS = ({ frames, serverCpuS }: Delivery) => frames / serverCpuS;
const sides = [net, nodeHttp, ...nchan, smallchange].map((side) => ({ side, done: [] as Round[] }));

for (let round = 1; round <= rounds; round++) {
  for (const { side, done } of sides) {
    const each = await measure(side);
    done.push(each);
    console.log(
      `round ${round}: ${side.name} ${Math.round(perCpuS(each.single))} deliveries per CPU-second singly,`,
      `${Math.round(perS(each.burst))} deliveries/s in a burst`,
    );
  }
}

publish(
  'bursts',
  'Deliveries in bursts',
  [
    `${streams.toLocaleString('en')} streams on one channel; ${events} events at once (ours), ${Math.ceil(events / 10)} (the others),`,
    `${rounds} rounds in turn; median (min–max). No AOF.`,
    '',
    table(
      [
        'server',
        'singly, per CPU-second',
        'burst, deliveries/s',
        'burst, per CPU-second',
        'burst/s ÷ singly',
        'holder CPU',
      ],
      sides.map(({ side, done }) => [
        side.name,
        written(spreadOf(done.map(({ single }) => perCpuS(single)))),
        written(spreadOf(done.map(({ burst }) => perS(burst)))),
        written(spreadOf(done.map(({ burst }) => perCpuS(burst)))),
        written(spreadOf(done.map(({ single, burst }) => perS(burst) / perCpuS(single))), 1),
        written(spreadOf(done.map(({ burst }) => burst.holderCpuS / burst.seconds)), 2),
      ]),
    ),
    '',
    'CPU in cores, over the time of the burst; near 1.00 the holder was the limit.',
  ].join('\n'),
);
