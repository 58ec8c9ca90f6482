/**
 * The client on a network that fails, against a real server, over each transport: once at the callback, in order, whatever is cut,
 * swallowed, delayed or held back (cases 1, 3, 5, 20, 37, 39, 45 of the client).
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ChannelEvent } from '../../src/client/contract.ts';
import { newChannel } from '../contract/protocol/kit.ts';
import { startServer } from '../support/process.ts';
import { createRandom } from '../support/random.ts';
import { waitFor } from '../support/wait.ts';
import { listen, transports, upTo, useNetwork } from './network-kit.ts';

const env = {
  HEARTBEAT_MS: '1000',
  MAX_CHANGE_BYTES: '262144',
  REDUCERS: 'tally-*=tally,*=log',
  HISTORY_MAX_EVENTS: '20000',
};

// Mostly they wait, for back-offs and heartbeats: so beside one another, and few, for the sake of slow machines.
describe('a client on a network that fails', { concurrency: 4 }, () => {
  const net = useNetwork(env);
  const { seed, network, merged } = net;

  for (const transport of transports) {
    it(`hears each change once and in order while everything is cut (${transport})`, async (test) => {
      const { proxy, client } = await network(test);
      const channel = newChannel();
      const { connection } = client({ transports: [transport] });
      const heard = await listen(connection, channel);
      const { connection: publisher } = client();
      const total = 30;
      const sent = upTo(total).map((data) => publisher.publish(channel, data));
      const cutting = setInterval(() => proxy.cutAll(0.3), 200);
      proxy.set({ swallow: 0.2, cut: 0.05, jitterMs: 3 });
      try {
        await waitFor(() => publisher.pending === 0, {
          what: () => `${publisher.pending} of ${total}`,
          timeoutMs: 60_000,
        });
        await Promise.all(sent);
      } finally {
        clearInterval(cutting);
        proxy.set();
      }
      await waitFor(() => heard.length >= total, { what: () => `${heard.length} of ${total} events, seed ${seed}` });
      assert.deepEqual(
        heard.map(({ data }) => data),
        upTo(total),
        `seed ${seed}`,
      );
      assert.equal(heard[0]!.own, false, 'another connection sent it');
    });
  }

  it('whose 204 was swallowed sends the same again, which is one event (1)', async (test) => {
    const { proxy, client } = await network(test);
    const channel = newChannel();
    const { connection } = client();
    proxy.set({ swallow: 1 });
    const done = connection.publish(channel, 'once');
    await waitFor(async () => (await merged(channel)).length === 1, { what: 'the first try to be merged' });
    await waitFor(() => proxy.counts.swallowed >= 2, { what: 'a second try' });
    proxy.set();
    await done;
    assert.deepEqual(await merged(channel), ['once']);
  });

  it('knows its own events', async (test) => {
    const { client } = await network(test);
    const channel = newChannel();
    const { connection } = client({ name: 'alice' });
    const heard = await listen(connection, channel);
    await connection.publish(channel, 'x');
    await waitFor(() => heard.length === 1, { what: 'it' });
    assert.match(heard[0]!.from!, /^alice~.{8}$/);
    assert.deepEqual([heard[0]!.own, heard[0]!.seq, typeof heard[0]!.at], [true, 1, 'number']);
  });

  for (const transport of transports) {
    it(`gets every byte as it was sent (${transport}, 37)`, async (test) => {
      const { client } = await network(test);
      const channel = newChannel();
      const { connection } = client({ transports: [transport] });
      const heard = await listen(connection, channel);
      const random = createRandom(seed);
      const changes = [
        Buffer.from('\0'),
        Buffer.from('a\rb\r\nc\n\nd'),
        Buffer.from('\uFEFFbom'),
        Buffer.from([0xff, 0xfe, 0x80]),
        Buffer.from(Array.from({ length: 256 }, (_, i) => i)),
        Buffer.from('🙂'.repeat(5_000)),
        Buffer.from(Array.from({ length: 200_000 }, () => random.int(256))),
      ];
      for (const change of changes) await connection.publish(channel, change);
      await waitFor(() => heard.length === changes.length, { what: () => `${heard.length} of ${changes.length}` });
      for (const [i, { data }] of heard.entries()) {
        assert.ok(Buffer.from(data as string).equals(changes[i]!), `change ${i}`);
      }
    });
  }

  it('whose change is not answered within ten seconds ends that try, and sends the same again (5)', async (test) => {
    const { proxy, client } = await network(test);
    const channel = newChannel();
    const tries: { query: string; signal: AbortSignal }[] = [];
    const noting = ((url: string, init: RequestInit) => {
      tries.push({ query: new URL(url).search, signal: init.signal! });
      return fetch(url, init);
    }) as typeof fetch;
    const { connection } = client({ fetch: noting });
    proxy.set({ blackHole: true });
    const done = connection.publish(channel, 'once');
    await waitFor(() => tries[0]?.signal.aborted, { what: 'the end of the first' });
    proxy.set();
    await done;
    assert.equal(new Set(tries.map(({ query }) => query)).size, 1);
    assert.equal(tries.at(-1)!.signal.aborted, false, 'each has a limit of its own');
    assert.deepEqual(await merged(channel), ['once']);
  });

  for (const transport of transports) {
    it(`misses nothing and hears nothing twice while channels come and are given up (39, ${transport})`, async (test) => {
      const { proxy, client } = await network(test);
      const channels = Array.from({ length: 6 }, () => newChannel());
      const asked: string[] = [];
      const noting = ((url: string, init: RequestInit) => {
        if (String(url).includes('/events')) asked.push(new URL(url).pathname);
        return fetch(url, init);
      }) as typeof fetch;
      const { connection } = client({ transports: [transport], fetch: noting });
      const { connection: publisher } = client({}, net.server.url);
      const heard = new Map<string, ChannelEvent[]>();
      const listen = (channel: string) => {
        const all: ChannelEvent[] = [];
        heard.set(channel, all);
        const onReset = () => assert.fail('a reset');
        return connection.subscribe(channel, (each) => all.push(each), { onReset });
      };
      const rounds = 60;
      let end = () => {};
      for (let n = 1; n <= rounds; n++) {
        if (n % 8 === 1 && heard.size < channels.length) {
          const left = listen(channels[heard.size]!);
          if (heard.size === 1) end = left;
        }
        if (n === 30) end();
        if (n % 7 === 3) proxy.cutAll();
        await Promise.all(channels.map((channel) => publisher.publish(channel, String(n))));
      }
      const stay = channels.slice(1);
      const last = (channel: string) => heard.get(channel)!.at(-1)?.data;
      await waitFor(() => stay.every((channel) => last(channel) === String(rounds)), {
        what: () => `the last of all: ${stay.map(last)}`,
        timeoutMs: 60_000,
      });
      for (const channel of channels) {
        const numbers = heard.get(channel)!.map(({ data }) => Number(data));
        // From where it came, one after the other.
        assert.deepEqual(
          numbers,
          numbers.map((_, i) => numbers[0]! + i),
        );
      }
      if (transport !== 'eventsource') assert.equal(asked.at(-1), `/c/${stay.toSorted()}/events`, 'one stream for all');
    });
  }

  it('sends what waits in batches, each change once and in order, while answers are swallowed', async (test) => {
    const { proxy, client } = await network(test);
    const channel = newChannel();
    let batches = 0;
    const noting = ((url: string, init: RequestInit) => {
      if (String(url).includes('batch=1')) batches++;
      return fetch(url, init);
    }) as typeof fetch;
    const { connection, dropped } = client({ fetch: noting });
    const heard = await listen(connection, channel);
    proxy.set({ swallow: 0.05, cut: 0.05 });
    const count = 1_000;
    for (let n = 1; n <= count; n++) {
      void connection.publish(channel, String(n));
      if (n % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await connection.flush();
    proxy.set();
    await waitFor(() => heard.length >= count, { what: () => `${heard.length} events`, timeoutMs: 60_000 });
    assert.deepEqual(
      heard.map(({ data }) => data),
      upTo(count),
    );
    assert.deepEqual(dropped, []);
    assert.ok(batches >= 5 && batches < count / 5, `${batches} batches`);
  });

  it('polls without spinning: an empty wait is one request, a long backlog as many as there are pages (45)', async (test) => {
    const { client } = await network(test);
    const channel = newChannel();
    let asked = 0;
    const counting = ((url: string, init: RequestInit) => {
      if (String(url).includes('format=json')) asked++;
      return fetch(url, init);
    }) as typeof fetch;
    const { connection } = client({ transports: ['poll'], fetch: counting });
    const heard = await listen(connection, channel);
    await waitFor(() => asked === 2, { what: 'a wait' });
    const { connection: publisher } = client();
    await publisher.publish(channel, '1');
    await waitFor(() => heard.length === 1, { what: 'it' });
    await waitFor(() => asked === 3, { what: 'the next wait' });
    assert.equal(asked, 3);
  });

  it('sends again after a reset with another epoch what was not answered, and not what was (20)', async (test) => {
    const channel = newChannel();
    let target = await startServer({ env });
    const { proxy, client } = await network(test, () => target.port);
    const { connection } = client();
    const resets: unknown[] = [];
    const heard: ChannelEvent[] = [];
    connection.subscribe(channel, (each) => heard.push(each), { onReset: ({ lost }) => resets.push(lost) });
    await connection.publish(channel, 'answered');
    await waitFor(() => heard.length === 1, { what: 'the first' });
    proxy.set({ blackHole: true });
    const unanswered = connection.publish(channel, 'unanswered');
    await target.kill9();
    target = await startServer({ env });
    try {
      proxy.set();
      proxy.cutAll();
      connection.reconnect();
      await unanswered;
      await waitFor(() => heard.length === 2, { what: 'the second' });
      assert.deepEqual(
        [heard.map(({ data }) => data), heard.map(({ seq }) => seq), resets],
        [['answered', 'unanswered'], [1, 2], [null]],
      );
    } finally {
      connection.close();
      await target.stop();
    }
  });

  it('reads state and history', async (test) => {
    const { client } = await network(test);
    const channel = newChannel('tally-x');
    const { connection } = client();
    for (const data of ['a', 'b', 'a']) await connection.publish(channel, data);
    await waitFor(async () => (await merged(channel)).length === 3, { what: 'three events' });
    const { state, cursor } = await connection.state(channel);
    assert.deepEqual(state, { a: '2', b: '1' });
    const all: ChannelEvent[] = [];
    for await (const each of connection.history(channel, { limit: 2 })) all.push(each);
    assert.deepEqual(
      all.map(({ data, own }) => `${data} ${own}`),
      ['a true', 'b true'],
    );
    for await (const each of connection.history(channel, { since: cursor })) assert.fail(String(each.data));
  });

  it('says what the server says of a change that it refuses (3)', async (test) => {
    const { client } = await network(test);
    const { connection, dropped } = client();
    const large = new Uint8Array(300_000);
    await assert.rejects(connection.publish(newChannel(), large), { code: 'change_too_large' });
    assert.deepEqual(
      dropped.map(({ why }) => why),
      ['rejected'],
    );
    assert.equal(connection.pending, 0);
  });
});
