/**
 * A browser's own EventSource through both edges, refused by a server for who it is or for how much it asks: it is told, it stays, and it
 * comes back by itself when there is room.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { type Chromium, startChromium } from '../support/chromium.ts';
import { type Edge, type EdgeProcess, edges, startEdge } from '../support/edge.ts';
import { type ServerProcess, startServer } from '../support/process.ts';
import { SECRET } from '../support/tokens.ts';
import { waitFor } from '../support/wait.ts';

/** Longer than the longest `retry:` of such a refusal, 15 s, and a browser that takes its time. */
const BACK_MS = 60_000;

/** Run in the page: a stream by that name, and what it was told. */
const open = (name: string) => `
  globalThis.told ??= {};
  globalThis.sources ??= {};
  told.${name} = [];
  sources.${name} = new EventSource('/c/a/events');
  for (const type of ['$sync', '$overloaded', '$auth']) {
    sources.${name}.addEventListener(type, ({ data }) => told.${name}.push(type + ' ' + data));
  }
  undefined`;

/** A balancer that says by the PROXY protocol that everybody comes from elsewhere: this machine's own addresses are not counted. */
async function startBalancer(edge: EdgeProcess): Promise<{ url: string; stop(): void }> {
  const { port } = new URL(edge.plainUrl);
  const server = createServer((client) => {
    const forward = connect(Number(port), '127.0.0.1');
    forward.write('PROXY TCP4 192.0.2.1 127.0.0.1 4000 80\r\n');
    client.pipe(forward).pipe(client);
    for (const [one, other] of [
      [client, forward],
      [forward, client],
    ] as const) {
      one.on('error', () => one.destroy()).once('close', () => other.destroy());
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}`,
    stop: () => void server.close(),
  };
}

describe('a Chromium that is refused', () => {
  let browser: Chromium;
  let crowded: ServerProcess;
  let asking: ServerProcess;
  const believed = { TRUST_PROXY: '127.0.0.1' };
  before(async () => {
    browser = await startChromium({});
    crowded = await startServer({ env: { ...believed, AUTH: 'anonymous', MAX_STREAMS_PER_ADDRESS: '1' } });
    asking = await startServer({ env: { ...believed, AUTH: 'jwt', JWT_SECRET: SECRET } });
  });
  after(async () => {
    await browser?.[Symbol.asyncDispose]();
    await crowded?.stop();
    await asking?.stop();
  });

  const told = (name: string) => browser.evaluate<string[]>(`told.${name}`);
  const until = (name: string, what: string, timeoutMs?: number) =>
    waitFor(async () => (await told(name)).find((each) => each.startsWith(what)), {
      what: `${what} in the page`,
      everyMs: 50,
      ...(timeoutMs !== undefined && { timeoutMs }),
    });

  async function through(edge: Edge, server: ServerProcess, test: () => Promise<void>): Promise<void> {
    await using proxy = await startEdge(edge, { buckets: [server], gateways: [server], proxyProtocol: 'on' });
    const balancer = await startBalancer(proxy);
    try {
      await browser.open(`${balancer.url}/openapi.json`);
      await test();
      await browser.evaluate('for (const source of Object.values(sources)) source.close()');
    } finally {
      balancer.stop();
    }
  }

  for (const edge of edges) {
    it(`through ${edge} for having too many streams, comes back when one has ended`, async () => {
      await through(edge, crowded, async () => {
        await browser.evaluate(open('first'));
        await until('first', '$sync');
        await browser.evaluate(open('second'));
        assert.equal(await until('second', '$'), '$overloaded {"reason":"streams"}');
        assert.notEqual(await browser.evaluate('sources.second.readyState'), 2);
        await browser.evaluate('sources.first.close()');
        await until('second', '$sync', BACK_MS);
      });
    });

    it(`through ${edge} for bringing no token, is told and stays`, async () => {
      await through(edge, asking, async () => {
        await browser.evaluate(open('only'));
        assert.equal(await until('only', '$'), '$auth {"status":"unauthenticated"}');
        assert.notEqual(await browser.evaluate('sources.only.readyState'), 2);
      });
    });
  }
});
