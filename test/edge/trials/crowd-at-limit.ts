/**
 * Phones of one carrier: as many clients of one address as it may have connections, which together ask for exactly what it may. Each
 * gets what it asks for; and who comes on top of them is told so.
 */
import { Agent, request as send } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { startEdge } from '../../support/edge.ts';
import { ask, countOf } from '../told.ts';
import { startWitness } from '../witness.ts';
import { sized, type Trial, type TrialOptions, type TrialResult } from './trial.ts';

const CLIENTS = 2_000;
/** So many a second of all of them are no work for a machine that does other things. */
const REQUESTS_PER_S = 200;
/** Of each client, one in each of its periods: ± 10 % of them is one. */
const EACH = 10;
/** Of who is let in. */
const SHARE_MIN = 0.9;
/** Connections beyond those of the address. */
const ABOVE = 50;
const WAIT_MS = 10_000;

export const crowdAtLimit: Trial = {
  name: 'crowd-at-limit',
  promise: `${CLIENTS} clients of one address at its limits: nobody is cut without an answer, each at rate r gets r ± 10 %`,
  run,
};

async function run(options: TrialOptions): Promise<TrialResult> {
  const clients = sized(CLIENTS, REQUESTS_PER_S, options);
  const periodMs = (clients * 1_000) / REQUESTS_PER_S;
  const witness = await startWitness();
  const servers = { buckets: [witness], gateways: [witness] };
  const agents: Agent[] = [];
  try {
    // Above these two everything is refused.
    await using proxy = await startEdge(options.edge, {
      ...servers,
      connectionsPerIp: clients,
      requestsPerS: REQUESTS_PER_S,
    });
    const counts = await Promise.all(
      Array.from({ length: clients }, async (_, i) => {
        const agent = new Agent({ keepAlive: true, maxSockets: 1 });
        agents.push(agent);
        // Spread over the period, as clients are.
        const startMs = performance.now() + (periodMs * i) / clients;
        const statuses: number[] = [];
        for (let n = 0; n < EACH; n++) {
          await sleep(Math.max(0, startMs + n * periodMs - performance.now()));
          statuses.push(await change(proxy.plainUrl, agent));
        }
        return statuses;
      }),
    );
    const listen = 'GET /c/room/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n';
    const above = countOf(await Promise.all(Array.from({ length: ABOVE }, () => ask(proxy.plainUrl, listen, WAIT_MS))));
    return verdict(options, counts, above);
  } finally {
    for (const agent of agents) agent.destroy();
    witness.stop();
  }
}

function verdict({ edge }: TrialOptions, counts: readonly number[][], above: ReturnType<typeof countOf>): TrialResult {
  const all = counts.flat();
  const acceptedOf = (statuses: readonly number[]) => statuses.filter((status) => status === 204).length;
  const served = counts.filter((statuses) => acceptedOf(statuses) >= SHARE_MIN * EACH).length;
  const cut = all.filter((status) => status === 0).length;
  // Such as 503 of an edge whose server, which is this process, was not given the machine.
  const otherwise = all.filter((status) => ![0, 204, 429].includes(status)).length;
  const failures: string[] = [];
  if (served < counts.length)
    failures.push(`${counts.length - served} clients got less than ${SHARE_MIN} of their rate`);
  if (cut > 0) failures.push(`${cut} were cut`);
  if (otherwise > 0) failures.push(`${otherwise} were told something else than that they ask too much`);
  // nginx counts requests that are open, and here all are over.
  if (edge === 'haproxy' && above.polite !== ABOVE) failures.push(`above the limit: ${JSON.stringify(above)}`);
  return {
    figures: {
      clients: counts.length,
      'requests of each': EACH,
      'got r ± 10 %': served,
      'accepted of all': `${acceptedOf(all)} of ${all.length}`,
      'cut without an answer': cut,
      'told something else': otherwise,
      'above the number, told so': edge === 'haproxy' ? `${above.polite} of ${ABOVE}` : 'not counted by connections',
    },
    failures,
  };
}

/** The status of a change that is sent over the one connection of a client; 0 when it was cut. */
function change(url: string, agent: Agent): Promise<number> {
  return new Promise((resolve) => {
    const sent = send(`${url}/c/room`, { agent, method: 'POST' }, (answer) => {
      answer.resume().once('end', () => resolve(answer.statusCode!));
    });
    sent.once('error', () => resolve(0)).end('x');
  });
}
