/** `smallchange/testing`: the server for the tests of apps does what it is told, and what the protocol says, with the client itself. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { connect } from '../../src/client/client.ts';
import type { ChannelEvent, Connection } from '../../src/client/contract.ts';
import type { ConnectOptions } from '../../src/client/options.ts';
import { createFakeServer, type FakeServer, type FakeServerOptions } from '../../src/testing/testing.ts';
import { textsOf, until } from '../client/kit.ts';

interface App {
  readonly server: FakeServer;
  readonly connection: Connection;
}

function open(test: TestContext, options: FakeServerOptions = {}, more: ConnectOptions = {}): App {
  const server = createFakeServer(options);
  const connection = connect(server.url, { ...server.options, ...more });
  test.after(() => connection.close());
  return { server, connection };
}

async function listening({ server, connection }: App, ...channels: string[]): Promise<ChannelEvent[]> {
  const heard: ChannelEvent[] = [];
  for (const channel of channels) connection.subscribe(channel, (each) => heard.push(each));
  await until('a stream', () => server.streams === 1 && connection.status.state === 'open');
  return heard;
}

describe('the fake server', () => {
  it('takes what is published, and tells it to who listens', async (test) => {
    const app = open(test, {}, { name: 'alice' });
    const heard = await listening(app, 'demo');
    await app.connection.publish('demo', 'x');
    await app.connection.publish('demo', new Uint8Array([255, 0]));
    await until('both', () => heard.length === 2);
    assert.deepEqual(textsOf(heard), ['x', new Uint8Array([255, 0])]);
    assert.deepEqual(
      heard.map(({ own, seq }) => [own, seq]),
      [
        [true, 1],
        [true, 2],
      ],
    );
    const [first] = app.server.events('demo');
    assert.deepEqual([first!.data, first!.from, first!.seq], ['x', heard[0]!.from, 1]);
  });

  it('publishes as others do, on several channels of a stream', async (test) => {
    const app = open(test);
    const heard = await listening(app, 'one', 'two');
    await app.server.publish('two', 'b', 'bob');
    await app.server.publish('one', 'a');
    await until('both', () => heard.length === 2);
    assert.deepEqual(
      heard.map(({ channel, data, own }) => [channel, data, own]),
      [
        ['two', 'b', false],
        ['one', 'a', false],
      ],
    );
    assert.match(heard[0]!.from!, /^bob~[\w-]{8}$/);
  });

  it('merges once what was sent again because its answer was lost', async (test) => {
    const app = open(test);
    app.server.loseAnswers();
    const done = app.connection.publish('demo', 'once');
    await until('the first', () => app.server.events('demo').length === 1 && app.connection.status.state === 'offline');
    await app.server.advance(1_000);
    await done;
    const posts = app.server.requests.filter(({ method }) => method === 'POST');
    assert.equal(posts.length, 2);
    assert.equal(posts[0]!.path, posts[1]!.path);
    assert.equal(app.server.events('demo').length, 1);
  });

  it('refuses for a while, and the time of it is the test’s', async (test) => {
    const app = open(test);
    app.server.refuse(503, { times: 1, of: 'changes', retryAfter: 7 });
    let isDone = false;
    const done = app.connection.publish('demo', 'x').then(() => {
      isDone = true;
    });
    await until('a refusal', () => app.connection.status.state === 'offline');
    await app.server.advance(6_900);
    assert.equal(isDone, false);
    await app.server.advance(10_000);
    await done;
  });

  it('refuses for good', async (test) => {
    const app = open(test);
    app.server.refuse(400, { of: 'changes', code: 'not_today' });
    await assert.rejects(app.connection.publish('demo', 'x'), { code: 'not_today' });
    await assert.rejects(app.connection.publish('demo', 'x'), { code: 'not_today' });
    app.server.accept();
    await assert.rejects(app.connection.publish('demo', new Uint8Array(1_025)), { code: 'change_too_large' });
    await app.connection.publish('demo', 'y');
    assert.deepEqual(
      app.server.events('demo').map(({ data }) => data),
      ['y'],
    );
  });

  it('lets nobody in, and then does', async (test) => {
    const app = open(test, {}, { token: () => 'secret' });
    app.server.refuse(401, { code: 'invalid_token' });
    app.connection.subscribe('demo', () => undefined);
    await until('a refusal for good', () => app.connection.status.state === 'failed');
    app.server.accept();
    app.connection.reconnect();
    await until('a stream', () => app.connection.status.state === 'open');
    assert.equal(app.server.requests.at(-1)!.headers.get('authorization'), 'Bearer secret');
  });

  it('cuts streams, which go on where they were', async (test) => {
    const app = open(test);
    const heard = await listening(app, 'demo');
    await app.server.publish('demo', '1');
    await until('the first', () => heard.length === 1);
    app.server.offline();
    await until('offline', () => app.connection.status.state === 'offline' && app.server.streams === 0);
    await app.server.publish('demo', '2');
    app.server.accept();
    await app.server.advance(60_000);
    await until('the second', () => heard.length === 2);
    app.server.cut();
    await until('cut', () => app.server.streams === 0);
    await app.server.advance(60_000);
    await app.server.publish('demo', '3');
    await until('the third', () => heard.length === 3);
    assert.deepEqual(textsOf(heard), ['1', '2', '3']);
  });

  it('sends heartbeats, so that a stream lives, and says goodbye', async (test) => {
    const app = open(test);
    await listening(app, 'demo');
    await app.server.advance(20 * 60_000);
    assert.equal(app.server.requests.length, 1);
    assert.equal(app.server.streams, 1);
    app.server.bye('drain', 5_000);
    await until('gone', () => app.connection.status.reason === 'drain');
    await app.server.advance(60_000);
    await until('back', () => app.server.streams === 1);
    assert.match(app.server.requests.at(-1)!.path, /since=/);
  });

  it('has states, and loses them when it is told to', async (test) => {
    const app = open(test, { reducers: { 'tally-*': 'tally' } });
    for (const vote of ['yes', 'no', 'yes']) await app.server.publish('tally-x', vote);
    const resets: unknown[] = [];
    app.connection.subscribe('tally-x', () => undefined, {
      snapshot: true,
      onReset: ({ lost, snapshot }) => resets.push([lost, { ...snapshot?.state }]),
    });
    await until('the state', () => resets.length === 1);
    assert.deepEqual({ ...(await app.connection.state('tally-x')).state }, { yes: '2', no: '1' });
    app.server.forget();
    await until('cut', () => app.server.streams === 0);
    await app.server.advance(60_000);
    await until('a reset', () => resets.length === 2);
    assert.deepEqual(resets, [
      [0, { yes: '2', no: '1' }],
      [null, {}],
    ]);
  });

  it('has a history', async (test) => {
    const app = open(test);
    for (let n = 1; n <= 5; n++) await app.server.publish('demo', String(n));
    const all: ChannelEvent[] = [];
    for await (const each of app.connection.history('demo', { limit: 4 })) all.push(each);
    assert.deepEqual(textsOf(all), ['1', '2', '3', '4']);
    const rest: ChannelEvent[] = [];
    for await (const each of app.connection.history('demo', { since: all[2]!.id })) rest.push(each);
    assert.deepEqual(textsOf(rest), ['4', '5']);
  });

  it('takes what waits in batches', async (test) => {
    const app = open(test);
    const heard = await listening(app, 'demo');
    for (let n = 0; n < 50; n++) void app.connection.publish('demo', String(n));
    await app.connection.flush();
    await until('all', () => heard.length === 50);
    assert.deepEqual(
      textsOf(heard),
      Array.from({ length: 50 }, (_, n) => String(n)),
    );
    assert.ok(app.server.requests.length < 10);
  });
});
