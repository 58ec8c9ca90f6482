/** An ordinary deploy with other `REDUCERS`: the channels it concerns are begun anew, one by one, and all others hear nothing. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { shardOf } from '../../src/domain/channel.ts';
import { isNamed, type Sync } from '../contract/protocol/kit.ts';
import { request } from '../support/http.ts';
import { shardsHeld } from '../support/metric.ts';
import { startServer } from '../support/process.ts';
import { startRedis } from '../support/redis-server.ts';
import { openSse, type SseReader } from '../support/sse.ts';
import { waitFor } from '../support/wait.ts';

const VOTES = Array.from({ length: 20 }, (_, i) => `vote-${i}`);
/** One for each merger. */
const SHARDS = 2;
/** The roll call forgets a merger after three seconds; on a machine that does ten things. */
const AGREED_TIMEOUT_MS = 30_000;

/** In the other shard than the first. */
const OTHER = VOTES.find((channel) => shardOf(channel, SHARDS) !== shardOf('vote-0', SHARDS))!;

const syncsOf = (reader: SseReader) =>
  reader.frames.filter(isNamed('$sync')).map(({ data }) => (JSON.parse(data!) as Sync).status);

it('REDUCERS changed for many channels resets their streams once each, and those of no other channel', async () => {
  await using redis = await startRedis();
  const env = { REDIS_URL: redis.url, SHARDS: String(SHARDS) };
  await using gateway = await startServer({ env: { ...env, ROLES: 'bucket,gateway' } });
  await using before = await startServer({ env: { ...env, ROLES: 'merger', REDUCERS: '*=log' } });
  const send = async (channel: string, body: string) => {
    assert.equal((await request(gateway.url, `/c/${channel}`, { method: 'POST', body })).status, 204);
  };
  const open = (channel: string) => openSse(`${gateway.url}/c/${channel}/events`);
  const heard = (reader: SseReader, data: string) => reader.next((frame) => frame.data === data, 10_000);
  for (const channel of ['chat', ...VOTES]) await send(channel, 'yes');
  await using chat = await open('chat');
  await using vote = await open('vote-0');
  await using other = await open(OTHER);
  for (const reader of [chat, vote, other]) await reader.next(isNamed('$sync'));

  await using after = await startServer({ env: { ...env, ROLES: 'merger', REDUCERS: 'vote-*=tally,*=log' } });
  for (const merger of [before, after]) {
    await waitFor(() => merger.logged.some(({ msg }) => String(msg).includes('different REDUCERS')), {
      timeoutMs: AGREED_TIMEOUT_MS,
      what: 'a merger to say that they differ',
    });
  }
  await waitFor(async () => (await Promise.all([before, after].map(shardsHeld))).every((count) => count === 1), {
    timeoutMs: AGREED_TIMEOUT_MS,
    what: 'each merger to have a shard',
  });
  for (const reader of [vote, other]) {
    const channel = reader === vote ? 'vote-0' : OTHER;
    await send(channel, 'still');
    await heard(reader, 'still');
    assert.deepEqual(syncsOf(reader), ['fresh'], `while mergers differ ${channel} keeps its reducer`);
  }

  assert.equal((await before.stop()).code, 0);
  await waitFor(() => after.logged.some(({ msg }) => String(msg).includes('the same REDUCERS')), {
    timeoutMs: AGREED_TIMEOUT_MS,
    what: 'the merger that is left to go by its own',
  });
  for (const channel of VOTES) await send(channel, 'no');
  const reset = await vote.next((frame) => frame.event === '$sync' && frame.data!.includes('reset'), 10_000);
  assert.equal((JSON.parse(reset.data!) as Sync).status, 'reset');
  const snapshot = JSON.parse((await vote.next(isNamed('$snapshot'))).data!) as { state: Record<string, unknown> };
  assert.deepEqual(snapshot.state, { no: '1' });
  await send('vote-0', 'again');
  await heard(vote, 'again');
  await send('chat', 'last');
  await heard(chat, 'last');
  assert.deepEqual(syncsOf(chat), ['fresh'], 'chat is another channel');
  assert.deepEqual(syncsOf(vote), ['fresh', 'reset']);
  const { events } = (await request(gateway.url, '/c/vote-0/history')).json<{ events: { data: string }[] }>();
  assert.deepEqual(
    events.map(({ data }) => data),
    ['yes', 'still', 'no', 'again'],
    'what was said stays',
  );
});
