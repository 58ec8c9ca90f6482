/** More clients at once than an edge has places for: every one is told something at once, and the probe goes on being answered. */
import { setTimeout as sleep } from 'node:timers/promises';
import { newChannel } from '../../contract/protocol/kit.ts';
import { startEdge } from '../../support/edge.ts';
import { request } from '../../support/http.ts';
import { startServer } from '../../support/process.ts';
import { ask, countOf } from '../told.ts';
import type { Trial, TrialOptions, TrialResult } from './trial.ts';

const CONNECTIONS = 100;
const CLIENTS = 260;
const ANSWERED_MS = 2_000;
/** Who is not told in time is still waited for, to say whether it ever was. */
const WAIT_MS = 10_000;
const PROBE_MS = 50;

export const fullEdge: Trial = {
  name: 'full-edge',
  promise: `${CLIENTS} clients at an edge of ${CONNECTIONS}: every one has an answer within ${ANSWERED_MS / 1000} s, and the probe stays green`,
  run,
};

async function run({ edge }: TrialOptions): Promise<TrialResult> {
  const figures: Record<string, number | string> = {};
  const failures: string[] = [];
  for (const [who, accept, refusal] of [
    ['browsers', 'text/event-stream', 'polite'],
    ['programs', '*/*', 'refused'],
  ] as const) {
    await using server = await startServer({ env: { DRAIN_MS: '0' } });
    await using proxy = await startEdge(edge, { buckets: [server], gateways: [server], connections: CONNECTIONS });
    const listen = `GET /c/${newChannel()}/events HTTP/1.1\r\nHost: localhost\r\nAccept: ${accept}\r\n\r\n`;
    let isOver = false;
    const probes: number[] = [];
    const probing = (async () => {
      while (!isOver) {
        probes.push((await request(proxy.healthUrl, '/healthz')).status);
        await sleep(PROBE_MS);
      }
    })();
    const all = await Promise.all(Array.from({ length: CLIENTS }, () => ask(proxy.plainUrl, listen, WAIT_MS)));
    // Now it is full and stays so.
    await sleep(ANSWERED_MS);
    isOver = true;
    await probing;
    const count = countOf(all);
    const late = all.filter(({ ms }) => ms > ANSWERED_MS).length;
    figures[`${who}: streams`] = count.stream;
    figures[`${who}: ${refusal}`] = count[refusal];
    figures[`${who}: without an answer in time`] = late;
    const green = probes.filter((status) => status === 200).length;
    figures[`${who}: probes green`] = `${green} of ${probes.length}`;
    if (count.stream + count[refusal] !== CLIENTS) failures.push(`${who}: ${JSON.stringify(count)}`);
    if (late > 0) failures.push(`${who}: ${late} waited longer than ${ANSWERED_MS} ms`);
    if (green !== probes.length) failures.push(`${who}: the probe was answered ${probes}`);
    for (const { close } of all) close();
  }
  return { figures, failures };
}
