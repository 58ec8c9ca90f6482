/** The same abuse straight at a server, as far as it speaks that protocol: no TLS, no HTTP/2. Whatever the edge, it is the same. */
import { startServer } from '../../support/process.ts';
import { Siege } from '../abuse/siege.ts';
import { addresses, REPLAYS_PER_S, SLOW_SENDERS, STRETCH_LEAST_S, STRETCH_S, slowOnesEnd, slowOrder } from './abuse.ts';
import { sized, type Trial, type TrialOptions, type TrialResult } from './trial.ts';

/** A request's limit in `src/http/server.ts`, how rarely it is looked at, and what opening takes. */
const ENDED_WITHIN_MS = 25_000;

async function run(options: TrialOptions): Promise<TrialResult> {
  await using server = await startServer({ env: { DRAIN_MS: '0', HEARTBEAT_MS: '5000' } });
  const good = { streams: sized(200, 40, options), changesPerS: 200 };
  const target = { plainUrl: server.url, tlsUrl: null };
  const siege = await Siege.lay({
    ...target,
    ...good,
    server,
    edgePid: null,
    seconds: sized(STRETCH_S, STRETCH_LEAST_S, options),
  });
  const count = sized(SLOW_SENDERS, 100, options);
  await siege.under('slow senders', { ...slowOrder(count), ...target }, (attacker) =>
    slowOnesEnd(siege, attacker, count, ENDED_WITHIN_MS),
  );
  const foreign = await siege.foreignChanges();
  siege.figures['abusive changes'] = foreign;
  if (foreign !== 0) siege.failures.push(`${foreign} changes were accepted of slow senders`);
  const replay = { kind: 'replay' as const, target: 'node' as const, url: server.url, serverUrl: server.url };
  await siege.under('corpus', { ...replay, sources: addresses(3, 8), perS: REPLAYS_PER_S });
  siege.end();
  return { figures: siege.figures, failures: siege.failures };
}

export const abuseRaw: Trial = {
  name: 'abuse-raw',
  promise: `no edge in front of it: 2,000 slow senders, the corpus at ${REPLAYS_PER_S}/s: 0 accepted, 0 crashes, good clients' p99 at most twice that of a quiet time`,
  run,
};
