/**
 * Streams on which nothing happens: all that is said on them are heartbeats, at the pace that servers have by default, and no
 * time-out of an edge, all of which are at their defaults, may end one.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { startEdge } from '../../../proxy/process.ts';
import { isEvent, newChannel } from '../../contract/protocol/kit.ts';
import { startFleet } from '../../e2e/fleet.ts';
import { request } from '../../support/http.ts';
import type { ServerProcess } from '../../support/process.ts';
import type { SseReader } from '../../support/sse.ts';
import { trust } from '../../support/trust.ts';
import { type Kind, kinds, openKind } from './kinds.ts';
import { sized, type Trial, type TrialOptions, type TrialResult } from './trial.ts';

const STREAMS = 50;
/** Twice the time after which an edge takes silence for death. */
const HELD_S = 180;

interface Held {
  readonly kind: Kind;
  readonly channel: string;
  readonly reader: SseReader;
}

export const idle: Trial = {
  name: 'idle',
  promise: `${STREAMS} streams are held for ${HELD_S} s without an event, and then each gets one on the connection it had`,
  run,
};

async function run(options: TrialOptions): Promise<TrialResult> {
  await using fleet = await startFleet({ roles: ['bucket', 'merger', 'gateway', 'gateway'] });
  const addresses = (servers: readonly ServerProcess[]) => servers.map(({ url }) => new URL(url).host);
  const servers = { buckets: addresses(fleet.of('bucket')), gateways: addresses(fleet.of('gateway')) };
  await using edge = await startEdge(options.edge, servers);
  await using _trusting = trust(edge.certificate);
  const held: Held[] = [];
  for (let i = 0; i < STREAMS; i++) {
    const [kind, channel] = [kinds[i % kinds.length]!, newChannel()];
    const reader = await openKind(kind, edge, `/c/${channel}/events`);
    held.push({ kind, channel, reader });
    await reader.next(({ event }) => event === '$sync');
  }
  const heldS = sized(HELD_S, 5, options);
  await sleep(heldS * 1000);
  const early = held.filter(({ reader }) => reader.isEnded);
  const heartbeats = held.map(({ reader }) => reader.frames.filter(({ data }) => data === undefined).length);
  const reached = await Promise.all(held.map((each) => getsOne(edge.plainUrl, each)));
  for (const { reader } of held) await reader[Symbol.asyncDispose]();

  const figures: Record<string, number | string> = {
    'held s': heldS,
    'heartbeats, at least': Math.min(...heartbeats),
    'ended meanwhile': early.length,
  };
  for (const kind of kinds) {
    const ofKind = held.flatMap((each, i) => (each.kind === kind ? [reached[i]] : []));
    figures[`${kind}: reached`] = `${ofKind.filter(Boolean).length} of ${ofKind.length}`;
  }
  const failures = early.map(({ kind }) => `a stream of ${kind} was ended`);
  held.forEach(({ kind }, i) => {
    if (!reached[i]) failures.push(`a stream of ${kind} did not get its event`);
  });
  return { figures, failures };
}

/** Whether what is sent now is the next thing on the stream, which is still the one that was opened. */
async function getsOne(base: string, { channel, reader }: Held): Promise<boolean> {
  const { status } = await request(base, `/c/${channel}`, { method: 'POST', body: channel });
  if (status !== 204) throw new Error(`a change was answered with ${status}`);
  const event = await reader.next(isEvent).catch(() => null);
  return event?.data === channel && reader.frames.filter(isEvent).length === 1;
}
