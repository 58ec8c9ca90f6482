/** A page in Chromium that is loaded again and again, with a stream of its own each time: what was left is gone at once. */
import { startChromium } from '../../support/chromium.ts';
import { startEdge } from '../../support/edge.ts';
import { request } from '../../support/http.ts';
import { startServer } from '../../support/process.ts';
import { waitFor } from '../../support/wait.ts';
import { sized, type Trial, type TrialOptions, type TrialResult } from './trial.ts';

const RELOADS = 50;
const GONE_MS = 1_000;
/** A ghost is still waited for, to say how long it was there: less than the heartbeat, which it outlives. */
const WAIT_MS = 10_000;
/** That of production, in which a server would not notice by itself. */
const HEARTBEAT_MS = '45000';

export const reloads: Trial = {
  name: 'reloads',
  promise: `${RELOADS} reloads of a page over HTTP/1.1 and over h2: never more than one stream a person after ${GONE_MS / 1000} s`,
  run: (options) => reloadPages(options, GONE_MS),
};

/** @param goneMaxMs After which there is to be one stream. */
export async function reloadPages(options: TrialOptions, goneMaxMs: number): Promise<TrialResult> {
  const count = sized(RELOADS, 1, options);
  await using server = await startServer({ env: { DRAIN_MS: '0', HEARTBEAT_MS } });
  await using proxy = await startEdge(options.edge, { buckets: [server], gateways: [server] });
  await using browser = await startChromium({ certificate: proxy.certificate });
  const streams = async () => (await request(server.url, '/load')).json<{ streams: number }>().streams;
  const figures: Record<string, number | string> = { reloads: count };
  const failures: string[] = [];
  /** Until there are so many, from the moment when the page has its stream or is gone. */
  const settle = async (wanted: number) => {
    const startedMs = performance.now();
    await waitFor(async () => (await streams()) === wanted, {
      what: `${wanted} streams`,
      timeoutMs: WAIT_MS,
      everyMs: 10,
    });
    return performance.now() - startedMs;
  };
  for (const [way, url] of [
    ['HTTP/1.1', proxy.plainUrl],
    ['h2', proxy.tlsUrl],
  ] as const) {
    let longestMs = 0;
    await browser.open(`${url}/healthz`);
    for (let i = 0; i < count; i++) {
      await browser.evaluate(`new Promise((resolve) => {
        globalThis.source = new EventSource('/c/page/events');
        source.addEventListener('$sync', resolve, { once: true });
      }).then(() => undefined)`);
      longestMs = Math.max(longestMs, await settle(1));
      await browser.evaluate('void location.reload()');
      const isNew = () => browser.evaluate('document.readyState === "complete" && !globalThis.source');
      await waitFor(() => isNew().catch(() => false), { what: 'the page to be loaded again' });
    }
    await browser.open('about:blank');
    longestMs = Math.max(longestMs, await settle(0));
    figures[`${way}: one stream after`] = longestMs <= GONE_MS ? 'less than 1 s' : `${Math.round(longestMs)} ms`;
    if (longestMs > goneMaxMs) failures.push(`${way}: a stream of before was there for ${Math.round(longestMs)} ms`);
  }
  return { figures, failures };
}
