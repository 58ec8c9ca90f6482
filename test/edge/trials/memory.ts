/**
 * What a stream costs a proxy: the memory of all its processes before, when so many streams are open, and after each had an
 * event. Proportional set size, so that what master and workers share is counted once. What the kernel needs for the two
 * sockets of a stream is not in it: `docs/sizing.md` has that.
 */
import { readFileSync } from 'node:fs';
import { proportionalBytesOf } from '../../../loadtest/measures/machine.ts';
import { newChannel } from '../../contract/protocol/kit.ts';
import { type Fleet, startFleet } from '../../e2e/fleet.ts';
import { startEdge } from '../../support/edge.ts';
import { STREAMS_PER_CONNECTION } from '../../support/h2.ts';
import { request } from '../../support/http.ts';
import { trust } from '../../support/trust.ts';
import { waitFor } from '../../support/wait.ts';
import { type CrowdKind, crowdKinds, openCrowd } from './crowd.ts';
import { sized, type Trial, type TrialOptions, type TrialResult } from './trial.ts';

/** A process that may have 20,000 descriptors proxies 9,000 streams. */
const STREAMS = 5_000;
const DELIVERED_MS = 30_000;
const KIB = 1024;
/** Two readings so far apart that differ by no more are the same: a thousandth of what is measured. */
const SETTLED_MS = 500;
const SETTLED_BYTES = 32 * KIB;

export const memory: Trial = {
  name: 'memory',
  promise: `${STREAMS} streams are held by one proxy, each gets its event, and what each costs is known`,
  run,
};

async function run(options: TrialOptions): Promise<TrialResult> {
  const streams = sized(STREAMS, 2 * STREAMS_PER_CONNECTION, options);
  await using fleet = await startFleet({ roles: ['bucket', 'merger', 'gateway'] });
  const figures: Record<string, number | string> = { streams };
  const failures: string[] = [];
  for (const kind of crowdKinds) {
    const { beforeBytes, openBytes, eventBytes, events } = await measure(kind, fleet, options, streams);
    figures[`${kind}: before, MiB`] = Math.round((beforeBytes / KIB / KIB) * 10) / 10;
    figures[`${kind}: open, KiB a stream`] = perStream(openBytes - beforeBytes, streams);
    figures[`${kind}: after an event, KiB a stream`] = perStream(eventBytes - beforeBytes, streams);
    if (events !== streams) failures.push(`${kind}: ${events} events for ${streams} streams`);
  }
  return { figures, failures };
}

/** On an edge of its own: what one kind left behind is not the next one's. */
async function measure(kind: CrowdKind, fleet: Fleet, { edge }: TrialOptions, streams: number) {
  const servers = { buckets: fleet.of('bucket'), gateways: fleet.of('gateway') };
  await using proxy = await startEdge(edge, { ...servers, connectionsPerIp: 2 * STREAMS });
  await using _trusting = trust(proxy.certificate);
  const channel = newChannel();
  // The first stream pays for what is made once: tables, caches, OpenSSL's own.
  (await openCrowd(kind, proxy, `/c/${channel}/events`, 1)).close();
  const beforeBytes = await settledBytes(proxy.pid);
  const crowd = await openCrowd(kind, proxy, `/c/${channel}/events`, streams);
  const openBytes = await settledBytes(proxy.pid);
  await request(fleet.of('bucket')[0]!.url, `/c/${channel}`, { method: 'POST', body: 'x' });
  const what = () => `${streams} events; there are ${crowd.seen.events}`;
  // What never comes is a failure of the trial, said with its figures.
  await waitFor(() => crowd.seen.events >= streams, { what, timeoutMs: DELIVERED_MS }).catch(() => undefined);
  const eventBytes = await settledBytes(proxy.pid);
  crowd.close();
  return { beforeBytes, openBytes, eventBytes, events: crowd.seen.events };
}

/** Once it has stopped changing: processes that have just been started, or have just worked, are still about it. */
function settledBytes(pid: number): Promise<number> {
  let last = 0;
  return waitFor(
    () => {
      const bytes = treeBytes(pid);
      const isSettled = Math.abs(bytes - last) <= SETTLED_BYTES;
      last = bytes;
      return isSettled ? bytes : undefined;
    },
    { what: 'memory to settle', everyMs: SETTLED_MS },
  );
}

/** Of a process and all it has started. */
function treeBytes(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  return children.reduce((sum, child) => sum + treeBytes(child), proportionalBytesOf(pid));
}

function perStream(bytes: number, streams: number): number {
  return Math.round((bytes / KIB / streams) * 100) / 100;
}
