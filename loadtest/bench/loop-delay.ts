/**
 * How long the event loop of a server that is busy with deliveries keeps others waiting: 18,000 streams, 10,000 deliveries
 * a second, as many small channels and as one broadcast.
 *
 * Why this is valid: it is measured inside the server, by Node's own `monitorEventLoopDelay`, which a module that is loaded
 * before the server switches on and writes to a file on SIGUSR2. That histogram holds the time between two ticks of
 * a timer, so its resolution, 10 ms, is taken off; a tick that is held up counts once, however many others it
 * would have held up. From outside, a request that only reads (`/healthz`) is timed every 50 ms on a connection of its own:
 * what a POST would have waited. Deliveries are counted at the client. All roles in one process, in memory, no AOF.
 *
 * npm run bench -- loop-delay [--rounds 3] [--streams 18000] [--rate 10000] [--seconds 20]
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'undici';
import { quantile } from '../measures/quantile.ts';
import { HeldStreams } from './held-streams.ts';
import { LoopDelay } from './loop-watch.ts';
import { startSmallchange } from './measured.ts';
import { numbersOf } from './options.ts';
import { publish, spreadOf, table, written } from './report.ts';

const { rounds, streams, rate, seconds } = numbersOf({ rounds: 3, streams: 18_000, rate: 10_000, seconds: 20 });
const WARM_UP_S = 3;
const PROBE_EVERY_MS = 50;
interface Result {
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  readonly probeP99: number;
  readonly deliveriesPerS: number;
  readonly serverCpu: number;
  readonly clientCpu: number;
}

async function measure(channels: number): Promise<Result> {
  using delay = new LoopDelay();
  const server = await startSmallchange({ env: { MAX_STREAMS: '19500' }, instrument: delay.instrument });
  const held = new HeldStreams(server);
  const perEvent = Math.floor(streams / channels);
  try {
    await held.open(perEvent * channels, channels);
    await publishFor(held, WARM_UP_S, channels, perEvent);
    await delay.begin(server);
    const before = { counted: await held.counted(), serverCpuS: server.cpuS() };
    const [elapsedS, probesMs] = await Promise.all([
      publishFor(held, seconds, channels, perEvent),
      probe(server.port, seconds),
    ]);
    const after = await held.counted();
    const serverCpu = (server.cpuS() - before.serverCpuS) / elapsedS;
    return {
      ...(await delay.end(server)),
      probeP99: quantile(probesMs, 0.99),
      deliveriesPerS: (after.frames - before.counted.frames) / elapsedS,
      serverCpu,
      clientCpu: (after.cpuS - before.counted.cpuS) / elapsedS,
    };
  } finally {
    await held.close();
    await server.stop();
  }
}

/** Events to the channels in turn, on a schedule. @returns Seconds it took, until the last one has arrived everywhere. */
async function publishFor(held: HeldStreams, forS: number, channels: number, perEvent: number): Promise<number> {
  const { frames } = await held.counted();
  const events = Math.ceil((rate * forS) / perEvent);
  const everyMs = (forS * 1000) / events;
  const startedMs = performance.now();
  const sends: Promise<void>[] = [];
  for (let i = 0; i < events; i++) {
    const waitMs = startedMs + i * everyMs - performance.now();
    if (waitMs > 0) await sleep(waitMs);
    sends.push(held.send(`room${i % channels}`));
  }
  await Promise.all(sends);
  await held.arrived(frames + events * perEvent);
  return (performance.now() - startedMs) / 1000;
}

async function probe(port: number, forS: number): Promise<number[]> {
  const client = new Client(`http://127.0.0.1:${port}`);
  const tookMs: number[] = [];
  const untilMs = performance.now() + forS * 1000;
  while (performance.now() < untilMs) {
    const startedMs = performance.now();
    const { body } = await client.request({ method: 'GET', path: '/healthz' });
    await body.dump();
    tookMs.push(performance.now() - startedMs);
    await sleep(PROBE_EVERY_MS);
  }
  await client.destroy();
  return tookMs;
}

const sides = [Math.max(1, Math.ceil(streams / 100)), 1].map((channels) => ({ channels, done: [] as Result[] }));
for (let round = 1; round <= rounds; round++) {
  for (const { channels, done } of sides) {
    const result = await measure(channels);
    done.push(result);
    console.log(
      `round ${round}: ${channels} channels: p99.9 ${result.p999.toFixed(1)} ms, max ${result.max.toFixed(1)} ms,`,
      `${Math.round(result.deliveriesPerS)} deliveries/s`,
    );
  }
}

const head = ['channels', 'deliveries/s', 'p99', 'p99.9', 'max', '/healthz p99', 'server CPU', 'holder CPU'];
publish(
  'loop-delay',
  'Event-loop delay under load',
  [
    `${streams.toLocaleString('en')} streams, ${rate.toLocaleString('en')} deliveries/s asked for, ${rounds} rounds of ${seconds} s in turn;`,
    'milliseconds; median (min–max). No AOF.',
    '',
    table(
      head,
      sides.map(({ channels, done }) => {
        const of = (figure: (result: Result) => number, digits = 1) => written(spreadOf(done.map(figure)), digits);
        return [
          String(channels),
          of((r) => r.deliveriesPerS, 0),
          of((r) => r.p99),
          of((r) => r.p999),
          of((r) => r.max),
          of((r) => r.probeP99),
          of((r) => r.serverCpu, 2),
          of((r) => r.clientCpu, 2),
        ];
      }),
    ),
  ].join('\n'),
);
