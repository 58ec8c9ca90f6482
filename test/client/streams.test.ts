/**
 * The streams of the client on a network that fails, against a real server, each case over every transport that it can be of: dead
 * connections, goodbyes, tokens that end, proxies that keep back (cases 23, 27, 30, 33, 40, 41 of the client).
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemClock } from '../../src/client/clock.ts';
import type { ChannelEvent, Status } from '../../src/client/contract.ts';
import { newChannel } from '../contract/protocol/kit.ts';
import { startServer } from '../support/process.ts';
import { SIZE } from '../support/size.ts';
import { granting, nowS, SECRET, token } from '../support/tokens.ts';
import { waitFor } from '../support/wait.ts';
import { listen, transports, upTo, useNetwork } from './network-kit.ts';
import { startNginx } from './nginx.ts';

const env = { HEARTBEAT_MS: '1000', HISTORY_MAX_EVENTS: '20000' };
/** Behind a good proxy. */
const CONNECTS = 200 * SIZE;
/** A poll waits for 20 s and 10 more: time goes by faster for the client. */
const HASTE = 6;
const hasty = {
  wallMs: () => Date.now(),
  elapsedMs: () => performance.now() * HASTE,
  after: (ms: number, run: () => void) => systemClock.after(ms / HASTE, run),
};

const textsOf = (heard: readonly ChannelEvent[]) => heard.map(({ data }) => data);

// Mostly they wait: so beside one another.
describe('streams on a network that fails', { concurrency: 3 }, () => {
  describe('a stream of a client', { concurrency: 6 }, () => {
    const net = useNetwork(env);
    const { network } = net;

    for (const transport of transports) {
      it(`that is cut before its first event comes back with the cursor it had (23, ${transport})`, async (test) => {
        const { proxy, client } = await network(test);
        const channel = newChannel();
        const { connection } = client({ transports: [transport] });
        const heard = await listen(connection, channel);
        proxy.set({ refuse: true });
        proxy.cutAll();
        await net.publish(channel, 'first');
        await waitFor(() => connection.status.state === 'offline', { what: 'the cut' });
        proxy.set();
        await waitFor(() => heard.length === 1, { what: 'what was missed' });
      });

      it(`that is dead without a word is noticed, and goes on where it was (30, ${transport})`, async (test) => {
        const { proxy, client } = await network(test);
        const channel = newChannel();
        const clock = transport === 'poll' ? { clock: hasty } : {};
        const { connection } = client({ transports: [transport], ...clock });
        const reasons: unknown[] = [];
        connection.addEventListener('status', ({ reason }) => reasons.push(reason));
        const heard = await listen(connection, channel);
        proxy.set({ blackHole: true });
        await net.publish(channel, 'missed');
        await waitFor(() => reasons.includes(transport === 'poll' ? 'cut' : 'silent'), { what: 'the watchdog' });
        proxy.set();
        await waitFor(() => heard.length === 1, { what: 'what was missed', timeoutMs: 30_000 });
        assert.equal(heard[0]!.data, 'missed');
      });

      it(`has room for more channels than one has (40, ${transport})`, async (test) => {
        const { client } = await network(test);
        const { connection } = client({ transports: [transport] });
        const channels = Array.from({ length: 17 }, () => newChannel());
        const heard: string[] = [];
        const onReset = () => assert.fail('a reset');
        for (const channel of channels) connection.subscribe(channel, (each) => heard.push(each.channel), { onReset });
        await waitFor(() => connection.status.state === 'open', { what: 'both to be open' });
        for (const channel of channels) await net.publish(channel, 'x');
        await waitFor(() => heard.length >= channels.length, { what: () => `${heard.length} events` });
        assert.deepEqual(heard.sort(), channels.sort());
      });
    }

    it('behind a nginx that keeps it back becomes polls within five seconds (41)', async (test) => {
      await using nginx = await startNginx({ targetPort: net.server.port, heeds: false });
      const channel = newChannel();
      const { client } = await network(test);
      const { connection } = client({}, nginx.url);
      const startedMs = performance.now();
      const heard = await listen(connection, channel);
      // Five by the clock of the client, which `transports.test.ts` owns; here a machine may stand still.
      test.diagnostic(`after ${Math.round(performance.now() - startedMs)} ms`);
      assert.equal(connection.status.transport, 'poll');
      for (const data of upTo(3)) await connection.publish(channel, data);
      await waitFor(() => heard.length === 3, { what: 'three' });
      assert.deepEqual(textsOf(heard), upTo(3));
    });

    it(`behind a nginx as it comes is never taken for one that is kept back, of ${CONNECTS} (41)`, async (test) => {
      await using nginx = await startNginx({ targetPort: net.server.port, heeds: true });
      const { client } = await network(test);
      const { connection } = client({}, nginx.url);
      const seen = new Set<unknown>();
      connection.addEventListener('status', ({ transport, reason }) => {
        seen.add(transport);
        if (reason === 'buffered') seen.add(reason);
      });
      await listen(connection, newChannel());
      for (let i = 1; i < CONNECTS; i++) {
        connection.reconnect();
        await waitFor(() => connection.status.state === 'open', { what: 'open', everyMs: 2 });
      }
      assert.deepEqual([...seen].filter(Boolean), ['fetch']);
    });
  });

  describe('a stream that is sent away', { concurrency: 4 }, () => {
    const net = useNetwork({ ...env, STREAM_MAX_AGE_MS: '1500' });

    for (const transport of transports) {
      it(`for its age comes back with its cursor, and that is no error (27, ${transport})`, async (test) => {
        const { client } = await net.network(test);
        const channel = newChannel();
        const { connection } = client({ transports: [transport] });
        const statuses: Status[] = [];
        const errors: Error[] = [];
        connection.addEventListener('status', (status) => statuses.push(status));
        connection.addEventListener('error', (error) => errors.push(error));
        const heard = await listen(connection, channel);
        const goodbyes = () => statuses.filter(({ reason }) => reason === 'age').length;
        let sent = 0;
        // Polls end by themselves.
        const isOver = () => (transport === 'poll' ? sent === 100 : goodbyes() === 2);
        await waitFor(
          async () => {
            await net.publish(channel, String(++sent));
            return isOver();
          },
          { what: 'two goodbyes', everyMs: 20 },
        );
        await waitFor(() => heard.length >= sent, { what: () => `${heard.length} of ${sent}` });
        assert.deepEqual([textsOf(heard), errors], [upTo(sent), []]);
        const others = statuses.filter(({ state, reason }) => state === 'failed' || (reason && reason !== 'age'));
        assert.deepEqual(
          others,
          statuses.filter(({ reason }) => reason === 'not-durable'),
        );
      });
    }

    it('by a server that stops says so, and is at the next one', async (test) => {
      let target = await startServer({ env: { ...env, DRAIN_MS: '500' } });
      const { client } = await net.network(test, () => target.port);
      const { connection } = client();
      const reasons: unknown[] = [];
      connection.addEventListener('status', ({ reason }) => reasons.push(reason));
      connection.subscribe(newChannel(), () => undefined);
      await waitFor(() => connection.status.state === 'open', { what: 'open' });
      try {
        const stopped = target.stop();
        await waitFor(() => reasons.includes('drain'), { what: 'a goodbye' });
        await stopped;
      } finally {
        target = await startServer({ env });
      }
      try {
        connection.reconnect();
        await waitFor(() => connection.status.state === 'open', { what: 'the next one' });
        connection.close();
      } finally {
        await target.stop();
      }
    });
  });

  describe('a stream with tokens that end', { concurrency: 2 }, () => {
    const net = useNetwork({ ...env, AUTH: 'jwt', JWT_SECRET: SECRET });

    // An EventSource can send none.
    for (const transport of ['fetch', 'poll'] as const) {
      it(`goes on without a gap, and does not spin where there is none (33, ${transport})`, async (test) => {
        const { client } = await net.network(test);
        const channel = newChannel();
        const made = (lifeS: number) =>
          token(granting({ publish: [channel], subscribe: [channel] }, { exp: nowS() + lifeS }));
        const asked: string[] = [];
        const { connection } = client({
          transports: [transport],
          token() {
            asked.push(connection.status.state);
            if (asked.length === 1) throw new Error('the app is not there yet');
            return made(asked.length === 2 ? -60 : 3);
          },
        });
        const states = new Set<string>();
        connection.addEventListener('status', ({ state }) => states.add(state));
        connection.addEventListener('error', () => undefined);
        const heard = await listen(connection, channel);
        assert.equal(asked.length, 3, 'none, one that is over, one that holds');
        const { connection: publisher } = client({ name: 'alice', token: () => made(60) });
        let sent = 0;
        await waitFor(
          async () => {
            await publisher.publish(channel, String(++sent));
            return asked.length >= 5;
          },
          { what: 'two more tokens', everyMs: 50 },
        );
        await waitFor(() => heard.length >= sent, { what: () => `${heard.length} of ${sent}` });
        assert.deepEqual(textsOf(heard), upTo(sent));
        assert.ok(!states.has('failed'));
        // One a token, of three seconds, and not one a turn.
        assert.ok(asked.length < 10, `${asked.length} tokens`);
      });
    }
  });
});
