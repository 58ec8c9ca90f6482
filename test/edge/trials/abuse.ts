/**
 * Abuse at an edge with the limits of production, from addresses of its own: slow senders, HTTP/2 floods, the corpus. Rates are
 * bounded, because the attackers share two cores with all they attack.
 */
import { defaults } from '../../../proxy/settings.ts';
import { startEdge } from '../../support/edge.ts';
import { startServer } from '../../support/process.ts';
import { waitFor } from '../../support/wait.ts';
import type { Attacker } from '../abuse/attack.ts';
import { reachedOf } from '../abuse/reached.ts';
import { ROUNDS, Siege } from '../abuse/siege.ts';
import { sized, type Trial, type TrialOptions, type TrialResult } from './trial.ts';

/** All of one kind have so many addresses, so that none has more connections than an address may. */
export const SENDERS_PER_SOURCE = 80;
export const SLOW_SENDERS = 2_000;
/** All slow senders are there after so long: half of the time for which the first are held. */
const OPENING_S = 5;
/** Each quiet time and each abuse: all slow senders are there for a while, and not yet ended. */
export const STRETCH_S = 9;
/** Longer than opening. */
export const STRETCH_LEAST_S = 6;
const FLOOD_PER_S = 4_000;
/** Each far above what an address may, HAProxy's eight times included. */
const FLOOD_SOURCES = 2;
export const REPLAYS_PER_S = 50;
/** For an edge and a machine that are busy. */
const LATE_MS = 5_000;

export const addresses = (network: number, count: number) =>
  Array.from({ length: Math.ceil(count) }, (_, i) => `127.0.${network}.${i + 1}`);

export const slowOrder = (count: number) => ({
  kind: 'slow' as const,
  count,
  openPerS: count / OPENING_S,
  sources: addresses(1, count / SENDERS_PER_SOURCE),
  channel: 'slow',
});

/** All were held at once, and then the edge has ended them, each kind in its time. */
export async function slowOnesEnd(siege: Siege, attacker: Attacker, count: number, withinMs: number): Promise<void> {
  const { peak } = attacker.figures;
  if (peak! < 0.95 * count) siege.failures.push(`only ${peak} slow senders were held at once`);
  await waitFor(() => attacker.figures.held === 0, {
    timeoutMs: withinMs + LATE_MS,
    everyMs: 100,
    what: () => `the slow senders to be ended, ${attacker.figures.held} are not`,
  }).catch((error: Error) => siege.failures.push(error.message));
}

async function run(options: TrialOptions): Promise<TrialResult> {
  const { connectionsPerIp, requestsPerS, slowS } = defaults[options.edge];
  // HAProxy gives a handshake as long as a silent stream: the longest wait of this trial.
  const idleS = sized(defaults[options.edge].idleS, 15, options);
  const seconds = sized(STRETCH_S, STRETCH_LEAST_S, options);
  await using server = await startServer({ env: { DRAIN_MS: '0', HEARTBEAT_MS: '5000' } });
  const limits = { connectionsPerIp, requestsPerS, slowS, idleS };
  await using proxy = await startEdge(options.edge, { buckets: [server], gateways: [server], ...limits });
  const { plainUrl, tlsUrl } = proxy;
  const good = { streams: sized(200, 40, options), changesPerS: 200 };
  const siege = await Siege.lay({ plainUrl, tlsUrl, ...good, server, edgePid: proxy.pid, seconds });

  const count = sized(SLOW_SENDERS, 100, options);
  await siege.under('slow senders', { ...slowOrder(count), plainUrl, tlsUrl }, async (attacker) => {
    if (options.edge === 'nginx') {
      // It looks only at the time between two bytes of a body: those stay for as long as they trickle.
      const isOnlyBodies = () => attacker.figures.held === attacker.figures['held in a body'];
      await waitFor(isOnlyBodies, {
        timeoutMs: (OPENING_S + slowS) * 1000 + LATE_MS,
        everyMs: 100,
        what: 'all but trickling bodies to be ended',
      }).catch((error: Error) => siege.failures.push(error.message));
      siege.figures['bodies that go on as they trickle'] = attacker.figures.held!;
      attacker.rest();
    }
    await slowOnesEnd(siege, attacker, count, 1000 * (OPENING_S + Math.max(slowS, idleS)));
  });

  // Each time, of each address a burst, and what its rate allows.
  const allowed = ROUNDS * FLOOD_SOURCES * requestsPerS * (seconds + 2);
  let before = (await reachedOf(server.url)).requests;
  for (const what of ['resets', 'pings', 'settings', 'continuations'] as const) {
    const sources = addresses(2, FLOOD_SOURCES);
    const total = FLOOD_PER_S * seconds;
    const order = { kind: 'flood' as const, what, tlsUrl, sources, perS: FLOOD_PER_S, total, channel: 'flood' };
    await siege.under(what, order, async () => {
      const { requests } = await reachedOf(server.url);
      const reached = requests - before - good.streams;
      siege.figures[`${what}: reached the server`] = reached;
      if (reached > allowed) siege.failures.push(`${reached} ${what} reached it, of ${allowed}`);
      before = requests;
    });
  }
  const foreign = await siege.foreignChanges();
  siege.figures['abusive changes'] = foreign;
  if (foreign !== 0) siege.failures.push(`${foreign} changes were accepted of slow senders and floods`);

  const replay = { kind: 'replay' as const, target: options.edge, url: plainUrl, serverUrl: server.url };
  await siege.under('corpus', { ...replay, sources: addresses(3, 8), perS: REPLAYS_PER_S });
  siege.end();
  return { figures: siege.figures, failures: siege.failures };
}

export const abuse: Trial = {
  name: 'abuse',
  promise: `2,000 slow senders, floods over HTTP/2 of ${FLOOD_PER_S}/s, the corpus at ${REPLAYS_PER_S}/s: 0 accepted, 0 crashes, good clients' p99 at most twice that of a quiet time`,
  run,
};
