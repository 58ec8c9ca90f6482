/**
 * The corpus, sent as it is to a server and to both edges in front of it, each request with an honest one right behind. What has
 * to be refused is: nothing of it is merged, the honest one behind it neither, and the connection ends. What may be answered is
 * answered once, and what it hides in a body stays one.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { newChannel, type Page } from '../contract/protocol/kit.ts';
import { type EdgeProcess, startEdge } from '../support/edge.ts';
import { request } from '../support/http.ts';
import { type ServerProcess, startServer } from '../support/process.ts';
import { waitFor } from '../support/wait.ts';
import { type Attack, corpus, type Target } from './corpus.ts';
import { exchange, faultOf, honest } from './exchange.ts';

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
      { what: 'the last change to be merged', timeoutMs: 60_000 },
    );
    return texts.slice(0, -1);
  }

  async function strike(target: Target, attack: Attack): Promise<void> {
    const channel = newChannel('attack');
    const exchanged = await exchange(urls[target](), attack.bytes(channel) + honest(channel));
    assert.equal(faultOf(attack, target, exchanged, await merged(urls[target](), channel)), null);
  }

  for (const target of Object.keys(urls) as Target[]) {
    describe(`to ${target}`, { concurrency: 16 }, () => {
      for (const attack of corpus) it(attack.name, () => strike(target, attack));
    });
  }
});
