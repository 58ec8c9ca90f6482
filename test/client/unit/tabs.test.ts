/** Several tabs with one stream, whoever leads and however many do. Cases 53–58 of the client, without a browser. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ChannelEvent } from '../../../src/client/contract.ts';
import {
  event,
  FakeClock,
  FakeLocks,
  FakeServer,
  fakeBroadcast,
  openTab,
  settled,
  sync,
  type TabOptions,
  textsOf,
  until,
} from '../kit.ts';

/** Tabs of one profile, with one server and one time. */
function profile(all: TabOptions = {}) {
  const [locks, Channel, server, fakeClock] = [new FakeLocks(), fakeBroadcast(), new FakeServer(), new FakeClock()];
  const tab = (options: TabOptions = {}) => {
    const own = locks.tab();
    const opened = openTab({ locks: own.locks, Channel, server, fakeClock, share: true, ...all, ...options });
    const heard: ChannelEvent[] = [];
    opened.connection.subscribe('a', (each) => heard.push(each));
    return { ...opened, kill: own.kill, heard };
  };
  return { tab, server, clock: fakeClock };
}

const answer = (offset: number, events: readonly string[], status = 'resumed') => ({
  cursor: `p.${offset}`,
  status,
  events: events.map((data, i) => ({ id: `p.${offset - events.length + 1 + i}`, data })),
  more: false,
});

/** A leader at `p.1`, and a follower that listens to it from there. */
async function leaderAndFollower(all: TabOptions = {}) {
  const it = profile(all);
  const leader = it.tab();
  const stream = await until('the stream', () => it.server.streams[0]);
  stream.stream(sync({ id: 'p.1' }));
  await until('open', () => leader.connection.status.state === 'open');
  const follower = it.tab();
  const poll = await until('its poll', () => it.server.polls[0]);
  poll.answer(200, answer(1, [], 'fresh'));
  await until('open', () => follower.connection.status.state === 'open');
  stream.write(':\n\n');
  await settled();
  return { ...it, leader, follower, stream };
}

describe('tabs of one profile', () => {
  it('that take the same channel later share the stream of all, and each begins where it began itself (39)', async () => {
    const { leader, follower, server, stream } = await leaderAndFollower();
    leader.connection.subscribe('0', (each) => leader.heard.push(each));
    const ofBoth = ({ url }: { url: URL }) => url.pathname === '/c/0,a/events';
    const both = await until('the stream of both', () => server.streams.find(ofBoth));
    follower.connection.subscribe('0', (each) => follower.heard.push(each));
    assert.deepEqual([both.query.since, stream.isOver], ['p.1', true]);
    const polls = () => server.polls.filter(ofBoth);
    const poll = await until('its poll', () => polls()[0]);
    assert.equal(poll.query.since, 'p.1');
    // It began before the leader, who was not told of what came in between.
    poll.answer(200, { cursor: 'o.4~p.1', status: 'resumed', events: [], more: false });
    const channels = { 0: { status: 'fresh' }, a: { status: 'resumed' } };
    both.stream(sync({ id: 'o.5~p.1', status: 'resumed', channels }));
    await until('open', () => [leader, follower].every(({ connection }) => connection.status.state === 'open'));
    both.write(event('o.6~p.1', 'second', { channel: '0' }));
    await until('the second', () => leader.heard.length === 1);
    const next = await until('its next poll', () => polls().find(({ isOver }) => !isOver));
    assert.equal(next.query.since, 'o.4~p.1', 'where the leader began is behind where it is');
    const events = ['first', 'second'].map((data, i) => ({ id: `o.${5 + i}~p.1`, channel: '0', data }));
    next.answer(200, { cursor: 'o.6~p.1', status: 'resumed', events, more: false });
    await until('both', () => follower.heard.length === 2);
    both.write(event('o.6~p.2', 'third', { channel: 'a' }));
    await until('the third', () => follower.heard.length === 3 && leader.heard.length === 2);
    assert.deepEqual(
      [leader.heard, follower.heard].map((all) => all.map(({ id, data }) => `${id} ${data}`)),
      [
        ['o.6 second', 'p.2 third'],
        ['o.5 first', 'o.6 second', 'p.2 third'],
      ],
    );
    for (const { connection } of [leader, follower]) connection.close();
  });

  it('that begin with what was in the last minutes share a stream also while nothing comes', async () => {
    const { tab, server } = profile({ since: { a: '10m' } });
    const leader = tab();
    const stream = await until('the stream', () => server.streams[0]);
    stream.stream(sync({ id: 'p.1', status: 'resumed', channels: { a: { status: 'resumed' } } }));
    await until('open', () => leader.connection.status.state === 'open');
    const follower = tab();
    const poll = await until('its poll', () => server.polls[0]);
    poll.answer(200, answer(1, []));
    const next = await until('its next poll', () => server.polls[1]);
    stream.write(':\n\n');
    await until('it to listen', () => next.isOver);
    for (const { connection } of [leader, follower]) connection.close();
  });

  it('that ask anew are open once they were answered, and not taken for held back by a proxy', async () => {
    const { follower, server, clock } = await leaderAndFollower();
    const { length } = server.polls;
    follower.connection.reconnect();
    const poll = await until('its poll', () => server.polls[length]);
    await settled();
    assert.equal(poll.isOver, false, 'the leader has answered, and cannot tell how it begins');
    poll.answer(200, answer(1, []));
    await until('open', () => follower.connection.status.state === 'open');
    await clock.advance(10_000);
    assert.deepEqual(follower.connection.status, { state: 'open', transport: 'shared' });
    follower.connection.close();
  });

  it('have one stream, which tells all of them each event once (53, 55)', async () => {
    const { leader, follower, server, stream } = await leaderAndFollower();
    assert.ok(
      server.polls.every(({ isOver }) => isOver),
      'who listens to the leader does not poll',
    );
    stream.write(event('p.2', '1') + event('p.3', '2'));
    await until('both', () => follower.heard.length === 2 && leader.heard.length === 2);
    assert.deepEqual(
      [textsOf(leader.heard), textsOf(follower.heard)],
      [
        ['1', '2'],
        ['1', '2'],
      ],
    );
    assert.deepEqual(follower.connection.status, { state: 'open', transport: 'shared' });
    assert.equal(server.streams.length, 1);
    leader.connection.close();
    follower.connection.close();
  });

  it('are led by the next, from its own cursor, when the leader is closed (54)', async () => {
    const { leader, follower, server, stream } = await leaderAndFollower();
    stream.write(event('p.2', '1'));
    await until('both', () => follower.heard.length === 1);
    leader.connection.close();
    const next = await until('the next', () => server.streams[1]);
    assert.equal(next.query.since, 'p.2');
    next.stream(sync({ id: 'p.2', status: 'resumed' }) + event('p.3', '2'));
    await until('it', () => follower.heard.length === 2);
    assert.deepEqual([textsOf(leader.heard), textsOf(follower.heard)], [['1'], ['1', '2']]);
    follower.connection.close();
  });

  it('see a gap in what they are told, and fill it themselves', async () => {
    const { leader, follower, server, stream } = await leaderAndFollower();
    // The follower is put away while two events come.
    follower.page.fire('frozen');
    stream.write(event('p.2', '1') + event('p.3', '2'));
    await until('the leader', () => leader.heard.length === 2);
    const asked = server.polls.length;
    follower.page.fire('back');
    const poll = await until('its poll', () => server.polls[asked]);
    assert.equal(poll.query.since, 'p.1');
    stream.write(event('p.4', '3'));
    await settled();
    assert.deepEqual(textsOf(follower.heard), [], 'not the third before the first');
    poll.answer(200, answer(3, ['1', '2']));
    await until('two', () => follower.heard.length === 2);
    const another = await until('another poll', () => server.polls[asked + 1]);
    stream.write(event('p.5', '4'));
    await settled();
    assert.equal(follower.heard.length, 2, 'not the fourth before the third');
    another.answer(200, answer(5, ['3', '4']));
    await until('four', () => follower.heard.length === 4);
    stream.write(event('p.6', '5'));
    await until('five', () => follower.heard.length === 5);
    assert.deepEqual(textsOf(follower.heard), ['1', '2', '3', '4', '5']);
    leader.connection.close();
    follower.connection.close();
  });

  it('take the lead from one that does not answer (54)', async () => {
    const { server, tab, clock, leader, stream } = await leaderAndFollower();
    leader.connection.addEventListener('status', () => undefined);
    // It hangs: nothing it is told reaches it, and it keeps its lock.
    const other = tab({ Channel: fakeBroadcast() });
    const asked = server.polls.length;
    await until('its poll', () => server.polls[asked]);
    await clock.advance(1_999);
    assert.equal(server.streams.length, 1);
    await clock.advance(1);
    await until('its own stream', () => server.streams.length === 2);
    server.streams[1]!.stream(sync({ id: 'p.1' }));
    await until('it leads', () => other.connection.status.state === 'open');
    await settled();
    assert.ok(stream.isOver || leader.connection.status.state !== 'open', 'whose lock was stolen leads no more');
    leader.connection.close();
    other.connection.close();
  });

  it('keep the lead between two attempts, so that a server that is away is asked by one (28)', async () => {
    const { leader, follower, server, clock, stream } = await leaderAndFollower();
    stream.write('retry: 3000\nevent: $bye\ndata: {"reason":"drain"}\n\n');
    await until('away', () => leader.connection.status.state === 'offline');
    await clock.advance(1_500);
    assert.equal(server.streams.length, 1);
    assert.equal(follower.connection.status.state, 'open', 'it polls meanwhile');
    await clock.advance(1_500);
    assert.equal(server.streams.length, 2);
    leader.connection.close();
    follower.connection.close();
  });

  it('keep a lead that was taken as any other, though they had waited for it as well (28)', async () => {
    const { server, tab, clock, leader } = await leaderAndFollower();
    const other = tab({ Channel: fakeBroadcast() });
    await until('its poll', () => server.polls[1]);
    await clock.advance(2_000);
    const stream = await until('its own stream', () => server.streams[1]);
    leader.connection.close();
    stream.stream(sync({ id: 'p.1' }));
    await until('it leads', () => other.connection.status.state === 'open');
    const asked = server.polls.length;
    stream.write('retry: 3000\nevent: $bye\ndata: {"reason":"drain"}\n\n');
    await until('away', () => other.connection.status.state === 'offline');
    await clock.advance(3_000);
    const again = await until('a stream at once', () => server.streams[2]);
    again.stream(sync({ id: 'p.1', status: 'resumed' }));
    await until('open', () => other.connection.status.state === 'open');
    assert.equal(server.polls.length, asked, 'it does not poll beside nobody');
    other.connection.close();
  });

  it('hear each event once even if two of them lead (57)', async () => {
    const { tab, server, stream, leader, follower } = await leaderAndFollower();
    // Locks of another profile: it does not know that there is a leader.
    const second = tab({ locks: new FakeLocks().tab().locks });
    const other = await until('a second stream', () => server.streams[1]);
    other.stream(sync({ id: 'p.1' }));
    await until('open', () => second.connection.status.state === 'open');
    for (const [offset, data] of [
      ['2', '1'],
      ['3', '2'],
    ] as const) {
      other.write(event(`p.${offset}`, data));
      stream.write(event(`p.${offset}`, data));
      await settled();
    }
    for (const { heard } of [leader, follower, second]) assert.deepEqual(textsOf(heard), ['1', '2']);
    for (const { connection } of [leader, follower, second]) connection.close();
  });

  it('of two users share nothing (58)', async () => {
    const { tab, server } = profile();
    const token = (sub: string) => () => `h.${Buffer.from(JSON.stringify({ sub })).toString('base64url')}.s`;
    const tabs = [tab({ token: token('alice') }), tab({ token: token('bob') })];
    await until('two streams', () => server.streams.length === 2);
    const again = tab({ token: token('alice') });
    await until('a poll of who follows', () => server.polls.length === 1);
    for (const { connection } of [...tabs, again]) connection.close();
  });

  it('have a stream each where there are no locks, or no channel between tabs (56)', async () => {
    const { tab, server } = profile();
    const tabs = [tab({ Channel: undefined }), tab({ Channel: undefined })];
    await until('two streams', () => server.streams.length === 2);
    for (const stream of server.streams) stream.stream(sync({ id: 'p.0' }) + event('p.1', '1'));
    await until('both', () => tabs.every(({ heard }) => heard.length === 1));
    assert.equal(tabs[0]!.connection.status.transport, 'fetch');
    for (const { connection } of tabs) connection.close();
  });
});
