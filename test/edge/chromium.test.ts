/**
 * A browser as it is, with nothing but its own EventSource and fetch, over TLS and HTTP/2: it loses nothing and sees nothing
 * twice when its gateway is killed and when the edge itself is away for a while (P12, P14).
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createCertificate } from '../../proxy/certificate.ts';
import { newChannel, type Sync } from '../contract/protocol/kit.ts';
import { type Fleet, startFleet } from '../e2e/fleet.ts';
import { type Chromium, startChromium } from '../support/chromium.ts';
import { type Edge, edges, startEdge } from '../support/edge.ts';
import { request } from '../support/http.ts';
import { waitFor } from '../support/wait.ts';

interface Seen {
  readonly syncs: readonly Sync[];
  readonly events: readonly string[];
  /** Of every request that is over, what it was for and how it was carried. */
  readonly carried: readonly (readonly [path: string, protocol: string])[];
}

/** Run in the page: one stream, and what came of it. */
const listen = (channel: string) => `
  globalThis.seen = { syncs: [], events: [] };
  const source = new EventSource('/c/${channel}/events');
  source.addEventListener('$sync', ({ data }) => seen.syncs.push(JSON.parse(data)));
  source.addEventListener('message', ({ data }) => seen.events.push(data));
  undefined`;

const send = (channel: string, first: number, last: number) => `(async () => {
  for (let i = ${first}; i <= ${last}; i++) {
    const { status } = await fetch('/c/${channel}?from=page.1&seq=' + i, { method: 'POST', body: String(i) });
    if (status !== 204) throw new Error('change ' + i + ': ' + status);
  }
})()`;

const look = `({ ...seen, carried: performance.getEntriesByType('resource')
  .map(({ name, nextHopProtocol }) => [new URL(name).pathname, nextHopProtocol]) })`;

const upTo = (last: number) => Array.from({ length: last }, (_, i) => String(i + 1));

async function busyGateway(fleet: Fleet) {
  for (const gateway of fleet.of('gateway')) {
    // One that was killed for the edge before this one answers nothing.
    const load = await request(gateway.url, '/load').catch(() => null);
    if (load?.json<{ streams: number }>().streams === 1) return gateway;
  }
  return undefined;
}

describe('a Chromium with a bare EventSource', () => {
  const dir = mkdtempSync(join(tmpdir(), 'smallchange-certificate-'));
  const certificate = createCertificate(dir);
  let fleet: Fleet;
  let browser: Chromium;
  before(async () => {
    fleet = await startFleet({ roles: ['bucket', 'merger', 'gateway'] });
    browser = await startChromium({ certificate: certificate.own });
  });
  after(async () => {
    await browser?.[Symbol.asyncDispose]();
    await fleet?.[Symbol.asyncDispose]();
    rmSync(dir, { recursive: true, force: true });
  });

  async function comesBack(edge: Edge): Promise<void> {
    await fleet.add('gateway');
    const servers = { buckets: fleet.of('bucket'), gateways: fleet.of('gateway').slice(-2) };
    await using first = await startEdge(edge, { ...servers, certificate: certificate.bundle });
    const channel = newChannel();
    const until = (what: string, condition: (seen: Seen) => boolean) =>
      waitFor(
        async () => {
          const seen = await browser.evaluate<Seen>(look);
          return condition(seen) ? seen : undefined;
        },
        { what, timeoutMs: 15_000, everyMs: 50 },
      );

    // Not `/`, whose page has a stream of its own: of this one only the origin matters.
    await browser.open(`${first.tlsUrl}/healthz`);
    await browser.evaluate(listen(channel));
    await until('$sync', ({ syncs }) => syncs.length === 1);
    await browser.evaluate(send(channel, 1, 10));
    assert.deepEqual((await until('ten events', ({ events }) => events.length >= 10)).events, upTo(10));

    await (await waitFor(() => busyGateway(fleet), { what: 'the gateway of the stream' })).kill9();
    await browser.evaluate(send(channel, 11, 15));
    await until('what was missed without a gateway', ({ events }) => events.length >= 15);

    const { host: tls } = new URL(first.tlsUrl);
    const { host: plain } = new URL(first.plainUrl);
    await first.stop();
    for (const i of [16, 17, 18]) {
      const path = `/c/${channel}?from=page.1&seq=${i}`;
      await request(fleet.of('bucket')[0]!.url, path, { method: 'POST', body: String(i) });
    }
    await using _second = await startEdge(edge, { ...servers, tls, plain, certificate: certificate.bundle });
    await until('what was missed without an edge', ({ events }) => events.length >= 18);
    await browser.evaluate(send(channel, 19, 20));
    const { events, syncs, carried } = await until('all', (seen) => seen.events.length >= 20);
    assert.deepEqual(events, upTo(20), 'each once, in order');
    assert.deepEqual(
      syncs.map(({ status }) => status),
      ['fresh', 'resumed', 'resumed'],
    );
    for (const path of [`/c/${channel}`, `/c/${channel}/events`]) {
      // Of a request that met no edge there is none.
      const protocols = carried
        .filter(([name, protocol]) => name === path && protocol !== '')
        .map(([, protocol]) => protocol);
      assert.ok(protocols.length > 0, path);
      assert.deepEqual([...new Set(protocols)], ['h2'], path);
    }
    await browser.open('about:blank');
  }

  for (const edge of edges) it(`loses and repeats nothing through ${edge}`, () => comesBack(edge));
});
