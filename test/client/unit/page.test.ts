/** What a hidden, frozen or cached page does. Cases 31, 48–52, 59 of the client, without a browser. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { connect } from '../../../src/client/client.ts';
import type { ChannelEvent } from '../../../src/client/contract.ts';
import { event, openTab, settled, sync, type TabOptions, textsOf, until } from '../kit.ts';

async function listening(options: TabOptions = {}) {
  const tab = openTab(options);
  const heard: ChannelEvent[] = [];
  tab.connection.subscribe('a', (each) => heard.push(each));
  const stream = await until('a stream', () => tab.server.streams[0]);
  stream.stream(sync({ id: 'p.0' }) + event('p.1', '1'));
  await until('open', () => heard.length === 1);
  return { ...tab, heard, stream };
}

describe('a page', () => {
  it('that is hidden for a moment keeps its stream (48)', async () => {
    const { connection, page, clock, server } = await listening();
    page.fire('hidden');
    await clock.advance(10_000);
    page.fire('visible');
    await clock.advance(10_000);
    assert.deepEqual([connection.status.state, server.streams.length], ['open', 1]);
    connection.close();
  });

  it('that is hidden for longer holds none, and is live again at once (49)', async () => {
    const { connection, page, clock, server, stream, heard } = await listening();
    page.fire('hidden');
    await clock.advance(30_000);
    stream.write(':\n\n');
    await clock.advance(30_000);
    assert.deepEqual([connection.status.state, stream.isOver], ['parked', true]);
    await clock.advance(3_600_000);
    assert.equal(server.streams.length, 1);
    page.fire('visible');
    const next = await until('the next', () => server.streams[1]);
    assert.equal(next.query.since, 'p.1');
    next.stream(sync({ id: 'p.1', status: 'resumed' }) + event('p.2', '2'));
    await until('all', () => heard.length === 2);
    connection.close();
  });

  it('that is parked stays so when the network comes back, but sends', async () => {
    const { connection, page, clock, server, stream } = await listening();
    page.fire('hidden');
    await clock.advance(30_000);
    stream.write(':\n\n');
    await clock.advance(30_000);
    void connection.publish('a', 'x');
    (await until('a try', () => server.posts[0])).cut();
    await settled();
    page.fire('online');
    await until('another', () => server.posts[1]);
    await settled();
    assert.deepEqual([server.streams.length, server.posts.length], [1, 2]);
    connection.close();
  });

  it('that is thawed while nobody looks at it is parked again', async () => {
    const { connection, page, clock, server } = await listening();
    page.fire('hidden');
    page.fire('frozen');
    page.fire('back');
    const stream = await until('the next', () => server.streams[1]);
    stream.stream(sync({ id: 'p.1', status: 'resumed' }));
    await clock.advance(30_000);
    stream.write(':\n\n');
    await clock.advance(30_000);
    assert.deepEqual([connection.status.state, stream.isOver], ['parked', true]);
    connection.close();
  });

  it('may keep its stream if it wants to', async () => {
    const { connection, page, clock, stream } = await listening({ whenHidden: 'keep' });
    page.fire('hidden');
    for (let i = 0; i < 10; i++) {
      await clock.advance(20_000);
      stream.write(':\n\n');
    }
    assert.equal(connection.status.state, 'open');
    connection.close();
  });

  it('that is looked at again finds a stream that was silent for longer than a heartbeat dead, without a back-off (50)', async () => {
    const { connection, page, clock, server } = await listening();
    page.fire('hidden');
    clock.freeze(25_000);
    page.fire('visible');
    await until('the next at once', () => server.streams[1]);
    assert.equal(server.streams[0]!.isOver, true);
    connection.close();
  });

  it('that is frozen has let go of everything, and begins again when it is thawed (51)', async () => {
    const { connection, page, clock, server, stream } = await listening();
    page.fire('frozen');
    await settled();
    assert.deepEqual([connection.status.state, stream.isOver], ['parked', true]);
    clock.freeze(600_000);
    page.fire('back');
    page.fire('visible');
    await until('the next', () => server.streams[1]);
    await settled();
    assert.equal(server.streams.length, 2, 'one, though two things said so');
    connection.close();
  });

  it('that is thawed without ever having been told that it is frozen takes its stream for dead', async () => {
    const { connection, page, server } = await listening();
    page.fire('back');
    await until('the next', () => server.streams[1]);
    assert.equal(server.streams[0]!.isOver, true);
    connection.close();
  });

  it('of which there is none, in Node, needs nothing of one, and leaves nothing behind (59)', async () => {
    const connection = connect('http://127.0.0.1:9/', { storage: 'memory' });
    connection.subscribe('a', () => undefined);
    connection.close();
    const heard: string[] = [];
    connection.addEventListener('status', ({ state }) => heard.push(state));
    await settled();
    assert.deepEqual([connection.status.state, heard], ['closed', []]);
  });

  it('gives up with the signal that it was opened with', async () => {
    const ending = new AbortController();
    const { connection, server } = await listening({ signal: ending.signal });
    ending.abort();
    assert.equal(connection.status.state, 'closed');
    assert.equal(server.streams[0]!.isOver, true);
    assert.equal(openTab({ signal: ending.signal }).connection.status.state, 'closed');
  });

  it('tells events of several streams in the order of each', async () => {
    const { connection, server, heard } = await listening();
    connection.subscribe('b', (each) => heard.push(each));
    const second = await until('another stream', () => server.streams[1]);
    second.stream(sync({ id: 'q.0' }) + event('q.1', 'b1') + event('q.2', 'b2'));
    await until('all', () => heard.length === 3);
    assert.deepEqual(textsOf(heard), ['1', 'b1', 'b2']);
    connection.close();
  });
});
