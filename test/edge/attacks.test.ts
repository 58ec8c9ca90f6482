/**
 * The corpus, sent as it is to a server and to both edges in front of it, each request with an honest one right behind. What has
 * to be refused is: nothing of it is merged, the honest one behind it neither, and the connection ends. What may be answered is
 * answered once, and what it hides in a body stays one.
 */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { newChannel, type Page } from '../contract/protocol/kit.ts';
import { type EdgeProcess, startEdge } from '../support/edge.ts';
import { request } from '../support/http.ts';
import { type ServerProcess, startServer } from '../support/process.ts';
import { waitFor } from '../support/wait.ts';
import { type Attack, corpus, type Target } from './corpus.ts';

/** Who waits for more is not waited for longer than this, after the last byte. */
const SILENCE_MS = 700;

interface Exchange {
  readonly statuses: readonly string[];
  readonly text: string;
  /** By the other side. */
  readonly closed: boolean;
}

/** Sends the bytes at once, and takes what comes until the other side closes or is silent. */
function exchange(url: string, bytes: string): Promise<Exchange> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    let text = '';
    let closed = true;
    socket.setTimeout(SILENCE_MS, () => {
      closed = false;
      socket.destroy();
    });
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
    });
    // A reset is a refusal as well.
    socket.on('error', () => {});
    socket.once('close', () => {
      const statuses = [...text.matchAll(/HTTP\/1\.[01] (\d{3})/g)].map(([, status]) => status!);
      resolve({ statuses: statuses.filter((status) => status !== '100'), text, closed });
    });
    socket.write(Buffer.from(bytes, 'latin1'));
  });
}

describe('attacks', { concurrency: true }, () => {
  let server: ServerProcess;
  let haproxy: EdgeProcess;
  let nginx: EdgeProcess;
  const urls: Record<Target, () => string> = {
    node: () => server.url,
    haproxy: () => haproxy.plainUrl,
    nginx: () => nginx.plainUrl,
  };

  before(async () => {
    server = await startServer();
    haproxy = await startEdge('haproxy', { buckets: [server], gateways: [server] });
    nginx = await startEdge('nginx', { buckets: [server], gateways: [server] });
  });
  after(async () => {
    await haproxy?.stop();
    await nginx?.stop();
    await server?.stop();
  });

  /** On another connection, through the same edge; and then what is merged of this attack's channel. */
  async function merged(url: string, channel: string): Promise<string[]> {
    const answer = await request(url, `/c/${channel}`, { method: 'POST', body: 'end' });
    assert.deepEqual([answer.status, answer.body.length], [204, 0], 'a fresh request gets its own answer');
    const texts = await waitFor(
      async () => {
        const page = (await request(server.url, `/c/${channel}/history`)).json<Page>();
        const all = page.events.map(({ data, b64 }) => data ?? b64!);
        return all.at(-1) === 'end' ? all : undefined;
      },
      { what: 'the last change to be merged', timeoutMs: 10_000 },
    );
    return texts.slice(0, -1);
  }

  async function strike(target: Target, { bytes, allowed }: Attack): Promise<void> {
    const channel = newChannel('attack');
    const honest = `POST /c/${channel} HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhonest`;
    const { statuses, text, closed } = await exchange(urls[target](), bytes(channel) + honest);
    const shown = `${JSON.stringify(text.slice(0, 400))} ${closed ? 'closed' : 'open'}`;
    const events = await merged(urls[target](), channel);
    assert.ok(!events.includes('smuggled'), `what was hidden was served: ${shown}`);
    const isRefused = events.length === 0 && statuses.length <= 1 && !/^2/.test(statuses[0] ?? '');
    if (isRefused) return;
    assert.ok(allowed?.[target] !== undefined, `served, and should not be: ${JSON.stringify(events)} ${shown}`);
    assert.ok(statuses.length <= 2, `answered more than once: ${shown}`);
    assert.ok(
      (events.length <= 2 && events.at(-1) !== 'attack') || events.length === 1,
      `merged: ${JSON.stringify(events)}`,
    );
  }

  for (const target of Object.keys(urls) as Target[]) {
    describe(`to ${target}`, { concurrency: 16 }, () => {
      for (const attack of corpus) it(attack.name, () => strike(target, attack));
    });
  }
});
