/** Clients on a network that fails: a server for a suite, and for each test a proxy of its own in front of it. */
import assert from 'node:assert/strict';
import { after, before, type TestContext } from 'node:test';
import { EventSource } from 'eventsource';
import { connect } from '../../src/client/client.ts';
import type { ChannelEvent, Connection, Dropped, TransportName } from '../../src/client/contract.ts';
import type { ConnectOptions } from '../../src/client/options.ts';
import { startProxy } from '../faults/proxy.ts';
import { request } from '../support/http.ts';
import { type ServerEnv, type ServerProcess, startServer } from '../support/process.ts';
import { createRandom } from '../support/random.ts';
import { waitFor } from '../support/wait.ts';
import './unhandled.ts';

// Node has none; the transport takes that of the browser.
Object.assign(globalThis, { EventSource });

export const transports: readonly TransportName[] = ['fetch', 'eventsource', 'poll'];

export const upTo = (last: number) => Array.from({ length: last }, (_, i) => String(i + 1));

export async function listen(connection: Connection, channel: string): Promise<ChannelEvent[]> {
  const heard: ChannelEvent[] = [];
  connection.subscribe(channel, (each) => heard.push(each), { onReset: () => assert.fail('a reset') });
  await waitFor(() => connection.status.state === 'open', {
    what: () => `open: ${JSON.stringify(connection.status)}`,
  });
  return heard;
}

/** Begun before the tests of a suite, and ended after them. */
export function useNetwork(env: ServerEnv) {
  const seed = Date.now() % 1_000_000;
  let server: ServerProcess;
  before(async () => {
    server = await startServer({ env });
  });
  after(() => server?.stop());

  /** Each test has its own, so that what one does to it is not done to those beside it. */
  async function network(test: TestContext, port = () => server.port) {
    const proxy = await startProxy(() => [{ host: '127.0.0.1', port: port() }], createRandom(seed));
    const open: Connection[] = [];
    test.after(() => {
      for (const connection of open) connection.close();
      return proxy[Symbol.asyncDispose]();
    });
    function client(options: ConnectOptions = {}, url = `http://127.0.0.1:${proxy.port}`) {
      const connection = connect(url, { storage: 'memory', ...options });
      const dropped: Dropped[] = [];
      connection.addEventListener('dropped', (one) => dropped.push(one));
      open.push(connection);
      return { connection, dropped };
    }
    return { proxy, client };
  }

  async function merged(channel: string): Promise<string[]> {
    const page = (await request(server.url, `/c/${channel}/history?limit=500`)).json<{ events: { data: string }[] }>();
    return page.events.map(({ data }) => data);
  }

  return {
    seed,
    network,
    merged,
    /** Past the proxy. */
    publish: (channel: string, body: string) => request(server.url, `/c/${channel}`, { method: 'POST', body }),
    /** Once it is there. */
    get server() {
      return server;
    },
  };
}
