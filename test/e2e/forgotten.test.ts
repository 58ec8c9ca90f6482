/**
 * Forgotten channels: idle for long enough, a channel is given up with its history and its state. When its name comes
 * back it is another channel: nobody is resumed from the old one into the new one, whatever happened beside it (P13, P15).
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createKit, envelopeOf, isEvent, type Kit, type StateView } from '../contract/protocol/kit.ts';
import { type ServerProcess, startServer } from '../support/process.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import type { Frame } from '../support/sse.ts';
import { waitFor } from '../support/wait.ts';

/** One shard, so that what happens in a neighbour moves its positions too. */
const env = { CHANNEL_IDLE_S: '1', SHARDS: '1', REDUCERS: 'latest-*=latest,*=log' };
/** Idle shards are swept every 10 s. */
const SWEEP_TIMEOUT_MS = 20_000;

/** Hubs without news are compared with the store in turn, a few a tenth of a second. */
const NOTICE_TIMEOUT_MS = 3_000;

/** A channel's first life. @returns The cursors before its first event and of each of its three. */
async function live(kit: Kit, channel: string): Promise<readonly string[]> {
  const { cursor } = await kit.state(channel);
  for (const [i, from] of ['ann.1', 'bob.1', 'cyd.1'].entries()) {
    assert.equal((await kit.post(channel, 'old', { from, seq: i + 1 })).status, 204);
  }
  const events = await kit.settled(channel, 3);
  return [cursor, ...events.map(({ id }) => id)];
}

/** Forgets four channels and brings them back. @returns What was answered wrongly. */
async function comeBack(kit: Kit, { withNeighbour }: { readonly withNeighbour: boolean }): Promise<string[]> {
  const channels = ['log-left', 'log-watched', 'latest-left', 'latest-watched'];
  const pasts = new Map<string, readonly string[]>();
  for (const channel of channels) pasts.set(channel, await live(kit, channel));
  const watched = channels.filter((channel) => channel.endsWith('watched'));
  const watchers = await Promise.all(watched.map((channel) => kit.live(channel, { query: 'snapshot=1&with=from' })));
  let sent = 0;
  await waitFor(
    async () => {
      if (withNeighbour) await kit.send('neighbour', String(sent++));
      const pages = await Promise.all(channels.map((channel) => kit.history(channel)));
      return pages.every(({ events }) => events.length === 0);
    },
    { timeoutMs: SWEEP_TIMEOUT_MS, everyMs: 200, what: 'the channels to be forgotten' },
  );

  const wrong: string[] = [];
  const empty = new Map<string, string>();
  for (const channel of channels) {
    const view = await kit.state(channel);
    assert.deepEqual(view.state, {});
    empty.set(channel, view.cursor);
    // A gateway that knew the channel finds out a moment later; until then it answers as if asked a moment before.
    const startedMs = performance.now();
    let answers = await resumedFrom(kit, channel, pasts.get(channel)!);
    while (answers.length > 0 && performance.now() - startedMs < NOTICE_TIMEOUT_MS) {
      answers = await resumedFrom(kit, channel, pasts.get(channel)!);
    }
    wrong.push(...answers.map((answer) => `${channel}, while there is none: ${answer}`));
  }
  for (const channel of channels) assert.equal((await kit.post(channel, 'new', { from: 'dan.1', seq: 1 })).status, 204);
  for (const channel of channels) {
    const [event] = await kit.settled(channel, 1);
    for (const answer of await resumedFrom(kit, channel, pasts.get(channel)!)) {
      wrong.push(`${channel}, when it is back: ${answer}`);
    }
    // Whoever came while there was nothing has missed nothing but this.
    const resumed = await kit.live(channel, { lastEventId: empty.get(channel)! });
    assert.equal(resumed.sync.status, 'resumed', channel);
    assert.equal((await resumed.reader.next()).id, event!.id);
    resumed.reader.close();
    const end = await kit.syncFor(channel, { lastEventId: event!.id });
    assert.deepEqual([end.status, end.channels[channel]!.missed], ['resumed', 0]);
  }
  for (const [i, { reader }] of watchers.entries()) {
    await reader.next((frame) => isEvent(frame) && envelopeOf(frame).data === 'new');
    const [seen, kept] = [foldOf(reader.frames), (await kit.state(watched[i]!)).state];
    if (watched[i]!.startsWith('latest') && JSON.stringify(seen) !== JSON.stringify(kept)) {
      wrong.push(`${watched[i]}: who stayed has ${JSON.stringify(seen)}, the state is ${JSON.stringify(kept)}`);
    }
    reader.close();
  }
  return wrong;
}

/** What a reader of `latest` has made of its stream: the newest snapshot and the events after it. */
function foldOf(frames: readonly Frame[]): Record<string, string | null> {
  let state: Record<string, string | null> = {};
  for (const frame of frames) {
    if (frame.event === '$snapshot') state = { ...(JSON.parse(frame.data!) as StateView).state };
    else if (isEvent(frame)) state[envelopeOf(frame).from!.split('~')[0]!] = envelopeOf(frame).data!;
  }
  return state;
}

/** Where old cursors are taken for ones of the channel as it is now: a line for each way to ask. */
async function resumedFrom(kit: Kit, channel: string, cursors: readonly string[]): Promise<string[]> {
  const ways: Record<string, (cursor: string) => Promise<boolean>> = {
    stream: async (cursor) => (await kit.syncFor(channel, { lastEventId: cursor })).status === 'reset',
    poll: async (cursor) => (await kit.poll(channel, `since=${cursor}`)).status === 'reset',
    history: async (cursor) => (await kit.history(channel, `?since=${cursor}`)).status === 'reset',
    // What is left out of a part would stay in the reader's copy for ever.
    state: async (cursor) => (await kit.state(channel, `?since=${cursor}`)).complete === true,
  };
  const found: string[] = [];
  for (const [name, isReset] of Object.entries(ways)) {
    const resumed: number[] = [];
    for (const [i, cursor] of cursors.entries()) if (!(await isReset(cursor))) resumed.push(i);
    if (resumed.length > 0) found.push(`${name} resumes from where ${resumed} of the old 3 events were seen`);
  }
  return found;
}

describe('a channel that was forgotten and comes back resets whoever knew the old one', { concurrency: true }, () => {
  let redis: RedisServer | undefined;
  const servers: ServerProcess[] = [];
  before(async () => {
    redis = await startRedis();
  });
  after(async () => {
    await Promise.all(servers.map((server) => server.stop()));
    await redis?.stop();
  });

  for (const [where, onRedis] of [
    ['in memory', false],
    ['on Redis', true],
  ] as const) {
    for (const [what, withNeighbour] of [
      ['while its shard goes on', true],
      ['with nothing beside it', false],
    ] as const) {
      it(`${where}, ${what}`, async () => {
        const store = onRedis ? { REDIS_URL: redis!.url, REDIS_PREFIX: `sc-${withNeighbour}` } : {};
        const server = await startServer({ env: { ...env, ...store } });
        servers.push(server);
        const kit = createKit({ name: '', baseUrl: () => server.url });
        assert.deepEqual(await comeBack(kit, { withNeighbour }), []);
      });
    }
  }
});
