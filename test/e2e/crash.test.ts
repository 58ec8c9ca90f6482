/**
 * Crashes: Redis or a merger is killed in the middle of the work, again and again. Whatever was answered 204 is merged
 * once and in order, whatever was not at most once, and no reader misses or repeats anything (P5–P8, P15).
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertProblem, type Envelope, isNamed, type Page, type Sync } from '../contract/protocol/kit.ts';
import { request } from '../support/http.ts';
import { SIZE } from '../support/size.ts';
import { openSse } from '../support/sse.ts';
import { waitFor } from '../support/wait.ts';
import { startFleet } from './fleet.ts';
import { follow } from './follower.ts';
import { bodyOf, Ledger } from './ledger.ts';
import { createPublisher, type Publisher } from './publisher.ts';

const publishers = Array.from({ length: 8 }, (_, i) => `p${i}.1`);
const channels = Array.from({ length: 4 }, (_, i) => `room-${i}`);
const UNNAMED = 'unnamed';
/** Enough that something is always under way, and the rest of the machine is left to others. */
const EVERY_MS = 25;
const BLOWS = 2 * SIZE;
const env = { HISTORY_MAX_EVENTS: '100000', MERGE_LEASE_MS: '1000' };
/** Between the end of the load and the last event: a lease, a reconnect, a repair. */
const SETTLE_TIMEOUT_MS = 40_000;

/** Publishers that send until they are told to end, each change again until it is accepted. */
function startLoad(publisher: Publisher) {
  let isOver = false;
  let accepted = 0;
  const sent = new Map(channels.map((channel) => [channel, 0]));
  const unnamed = { accepted: new Set<string>(), unknown: new Set<string>() };

  async function publish(from: string, channel: string): Promise<void> {
    for (let seq = 1; !isOver; seq++) {
      await publisher.deliver({ channel, from, seq, body: bodyOf(seq) });
      sent.set(channel, sent.get(channel)! + 1);
      accepted++;
      await sleep(EVERY_MS);
    }
  }

  /** Without seq, so never sent twice. */
  async function publishUnnamed(): Promise<void> {
    for (let i = 0; !isOver; i++) {
      const body = String(i);
      const status = await publisher.post({ channel: UNNAMED, body }).catch(() => 0);
      (status === 204 ? unnamed.accepted : unnamed.unknown).add(body);
      await sleep(5);
    }
  }

  const lanes = publishers.flatMap((from) => channels.map((channel) => publish(from, channel)));
  const running = Promise.all([...lanes, publishUnnamed()]);
  return {
    sent,
    unnamed,
    get accepted() {
      return accepted;
    },
    async end() {
      isOver = true;
      await running;
    },
  };
}

type Load = ReturnType<typeof startLoad>;

/** Ready for the next blow: changes are accepted again, and events arrive again. */
async function flowing(load: Load, ledgers: readonly Ledger[]): Promise<void> {
  const before = { accepted: load.accepted, seen: ledgers.map(({ count }) => count) };
  await waitFor(
    () => load.accepted > before.accepted + 100 && ledgers.every(({ count }, i) => count > before.seen[i]! + 100),
    { timeoutMs: SETTLE_TIMEOUT_MS, what: 'changes to be accepted and events to be seen again' },
  );
}

async function everythingOf(url: string, channel: string): Promise<Envelope[]> {
  const events: Envelope[] = [];
  for (let since = ''; ; ) {
    const answer = await request(url, `/c/${channel}/history?${since === '' ? '' : `since=${since}`}`);
    const page = answer.json<Page>();
    events.push(...page.events);
    if (!page.more) return events;
    since = page.cursor;
  }
}

/** The load runs, `blow` strikes several times, and in the end the books are compared. */
async function survive(postUrl: string, streamUrls: readonly string[], blow: (load: Load) => Promise<void>) {
  await using publisher = createPublisher(postUrl);
  const ledgers = streamUrls.map((url, i) => new Ledger(`reader ${i} at ${url}`));
  const followers = ledgers.map((ledger, i) => follow({ url: () => streamUrls[i]!, channels, ledger }));
  try {
    await Promise.all(followers.map(({ synced }) => synced));
    const load = startLoad(publisher);
    for (let i = 0; i < BLOWS; i++) {
      await flowing(load, ledgers);
      await blow(load);
      for (const follower of followers) follower.check();
    }
    await flowing(load, ledgers);
    await load.end();
    const total = [...load.sent.values()].reduce((sum, count) => sum + count);
    await waitFor(
      () => {
        for (const follower of followers) follower.check();
        return ledgers.every(({ count }) => count >= total);
      },
      { timeoutMs: SETTLE_TIMEOUT_MS, what: () => `${total} events; seen: ${ledgers.map(({ count }) => count)}` },
    );
    for (const [i, { connects }] of followers.entries()) assert.equal(connects, 1, `reader ${i} never lost its stream`);
    const books = new Ledger('history');
    for (const channel of channels) {
      for (const event of await everythingOf(streamUrls[0]!, channel)) books.take({ ...event, channel });
      for (const ledger of ledgers) assert.deepEqual(ledger.order.get(channel), books.order.get(channel));
      assert.equal(books.order.get(channel)!.length, load.sent.get(channel));
    }
    // It is on a shard of its own, which may have been another merger's.
    let once: string[] = [];
    const missing = () => [...load.unnamed.accepted].filter((body) => !once.includes(body));
    await waitFor(
      async () => {
        once = (await everythingOf(streamUrls[0]!, UNNAMED)).map(({ data }) => data!);
        return missing().length === 0;
      },
      { timeoutMs: SETTLE_TIMEOUT_MS, everyMs: 100, what: () => `what was answered 204: ${missing()}` },
    );
    assert.equal(new Set(once).size, once.length, 'at most once');
    for (const body of once) assert.ok(load.unnamed.accepted.has(body) || load.unnamed.unknown.has(body), body);
    return { repeats: publisher.repeats };
  } finally {
    await Promise.all(followers.map((follower) => follower[Symbol.asyncDispose]()));
  }
}

describe('a crash loses nothing that was accepted, and repeats nothing', () => {
  it('of Redis with appendfsync always, killed and started again', async () => {
    await using fleet = await startFleet({ env, roles: ['all', 'gateway'], redis: { appendfsync: 'always' } });
    const [all, gateway] = [fleet.of('all')[0]!.url, fleet.of('gateway')[0]!.url];
    const { repeats } = await survive(all, [all, gateway], async () => {
      await fleet.redis.kill9();
      // P5, P20: while it is away everybody is told so, in a way that lets them come back.
      const refused = await request(all, `/c/${channels[0]}?from=x.1&seq=1`, { method: 'POST', body: 'x' });
      assertProblem(refused, 503, 'engine_unavailable');
      assert.match(refused.headers['retry-after']!, /^[1-9]\d*$/);
      assertProblem(await request(all, `/c/${channels[0]}/state`), 503, 'engine_unavailable');
      assertProblem(await request(all, '/c/never-read/events'), 503, 'engine_unavailable');
      const polite = await openSse(`${all}/c/never-read/events`, { headers: { Accept: 'text/event-stream' } });
      assert.deepEqual([polite.status, polite.headers['x-overloaded']], [200, '1']);
      const frame = await polite.next();
      assert.equal(frame.event, '$overloaded');
      assert.ok(frame.retry! > 0);
      await polite.ended;
      assert.equal((await request(all, '/healthz')).status, 200);
      await fleet.redis.restart();
    });
    assert.ok(repeats > 0, 'it was under load');
  });

  it('of a merger, killed in its work while another waits', async () => {
    await using fleet = await startFleet({ env, roles: ['bucket,gateway', 'merger', 'merger'] });
    const { url } = fleet.of('bucket,gateway')[0]!;
    let oldest = 0;
    await survive(url, [url], async () => {
      await fleet.of('merger')[oldest++]!.kill9();
      await fleet.add('merger');
    });
  });

  it('P15: a stream is told when the store has been away for a while, and when it is back', async () => {
    await using fleet = await startFleet({ env, roles: ['all'], redis: { appendfsync: 'always' } });
    const { url } = fleet.of('all')[0]!;
    const send = (body: string) => request(url, '/c/room', { method: 'POST', body });
    await using reader = await openSse(`${url}/c/room/events`);
    const statusOf = async () => (JSON.parse((await reader.next(isNamed('$sync'), 15_000)).data!) as Sync).status;
    assert.equal(await statusOf(), 'fresh');
    await fleet.redis.kill9();
    assert.equal(await statusOf(), 'degraded');
    await fleet.redis.restart();
    assert.equal(await statusOf(), 'recovered');
    await waitFor(async () => (await send('x')).status === 204, { what: 'a change to be accepted' });
    assert.equal((await reader.next()).data, 'x');
    assert.equal(reader.frames.filter(({ event }) => event === '$sync').length, 3, 'each once');
  });
});
