/**
 * A certificate that is renewed under streams: HAProxy notices the new file by itself, nginx is told to reload. Who holds a stream
 * keeps it and gets the next event; whoever comes is soon shown the new one.
 */
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { type Certificate, createCertificate } from '../../../proxy/certificate.ts';
import { newChannel } from '../../contract/protocol/kit.ts';
import { startFleet } from '../../e2e/fleet.ts';
import { startEdge } from '../../support/edge.ts';
import { STREAMS_PER_CONNECTION } from '../../support/h2.ts';
import { request } from '../../support/http.ts';
import { trust } from '../../support/trust.ts';
import { waitFor } from '../../support/wait.ts';
import { openCrowd } from './crowd.ts';
import { sized, type Trial, type TrialOptions, type TrialResult } from './trial.ts';

const STREAMS = 5_000;
const SHOWN_MAX_MS = 60_000;
const DELIVERED_MS = 30_000;

export const certificate: Trial = {
  name: 'certificate',
  promise: `A certificate is renewed under ${STREAMS} streams: none is cut, and new handshakes have the new one within ${SHOWN_MAX_MS / 1000} s`,
  run: (options) => renewCertificate(options, {}),
};

/** @param settings Of the edge, where they are not its defaults. */
export async function renewCertificate(
  options: TrialOptions,
  settings: { readonly certificateEveryS?: number },
): Promise<TrialResult> {
  const each = sized(STREAMS / 2, STREAMS_PER_CONNECTION, options);
  const dir = mkdtempSync(join(tmpdir(), 'smallchange-renewed-'));
  const inUse = createCertificate(dir);
  try {
    await using fleet = await startFleet({ roles: ['bucket', 'merger', 'gateway'] });
    const [bucket] = fleet.of('bucket');
    await using proxy = await startEdge(options.edge, {
      ...{ buckets: [bucket!], gateways: fleet.of('gateway'), certificate: inUse.bundle, ...settings },
      connectionsPerIp: 2 * STREAMS,
    });
    await using _trusting = trust(inUse.own);
    const path = `/c/${newChannel()}`;
    const crowds = [
      await openCrowd('http/1.1 in TLS', proxy, `${path}/events`, each),
      await openCrowd('h2', proxy, `${path}/events`, each),
    ];
    const sum = (of: (crowd: (typeof crowds)[number]) => number) => crowds.reduce((all, crowd) => all + of(crowd), 0);
    const renewed = renew(inUse);
    const startedMs = performance.now();
    if (options.edge === 'nginx') proxy.reload();
    await waitFor(async () => (await shownAt(proxy.tlsUrl)) === renewed, {
      what: 'the new certificate to be shown',
      timeoutMs: SHOWN_MAX_MS,
      everyMs: 100,
    });
    const shownMs = performance.now() - startedMs;
    const changed = await request(bucket!.url, path, { method: 'POST', body: 'x' });
    const delivered = () => sum(({ seen }) => seen.events);
    // What never comes is a failure of the trial, said with its figures.
    const isThere = waitFor(() => delivered() === 2 * each, { what: 'the event', timeoutMs: DELIVERED_MS });
    await isThere.catch(() => undefined);
    const cut = sum((crowd) => crowd.ended());
    for (const crowd of crowds) crowd.close();
    const failures: string[] = [];
    if (changed.status !== 204) failures.push(`a change was answered ${changed.status}`);
    if (cut > 0) failures.push(`${cut} streams were cut`);
    if (delivered() !== 2 * each) failures.push(`${delivered()} of ${2 * each} streams had the event after it`);
    const shown = Math.ceil(shownMs / 1000);
    return {
      figures: { streams: 2 * each, cut, 'had the next event': delivered(), 'shown within, s': shown },
      failures,
    };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** In the place of the one that is in use, as who renews does it: at once. @returns The fingerprint of the new one. */
export function renew(inUse: Certificate): string {
  const dir = mkdtempSync(join(tmpdir(), 'smallchange-renewal-'));
  const made = createCertificate(dir);
  const fingerprint = new X509Certificate(readFileSync(made.own)).fingerprint256;
  renameSync(made.bundle, inUse.bundle);
  rmSync(dir, { recursive: true, force: true });
  return fingerprint;
}

/** The fingerprint of the certificate that a new handshake is shown. */
export function shownAt(tlsUrl: string): Promise<string> {
  const { hostname, port } = new URL(tlsUrl);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false }, () => {
      resolve(socket.getPeerX509Certificate()!.fingerprint256);
      socket.destroy();
    });
    socket.once('error', reject);
  });
}
