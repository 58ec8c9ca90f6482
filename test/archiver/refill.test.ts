/**
 * A Redis that comes back with less than the archive has is refilled from there before anything is merged (docs/adr/0030): readers with
 * any cursor go on, publishers are remembered, and what is in the inbox again is no event a second time.
 */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { after, afterEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Archive } from '../../src/archive/archive.ts';
import type { Change } from '../../src/domain/change.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { Hub } from '../../src/gateway/hub/hub.ts';
import { createLogger } from '../../src/log.ts';
import { change, plain, textOf } from '../contract/engine/kit.ts';
import { boundsOf, comeBack, copyOf, SETTLED, send, startAt, startLife } from '../engine/lives.ts';
import { createLogMerger } from '../engine/log-merger.ts';
import { startPostgres } from '../support/postgres-server.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { waitFor } from '../support/wait.ts';
import { endAll, openArchive, startArchiver, untilArchived } from './kit.ts';

const postgres = await startPostgres();
after(() => postgres.stop());
afterEach(endAll);

const A = 'a';
const B = 'b';
const LATEST = 'latest';
/** Begun by what is lost. */
const FRESH = 'fresh';
const CHANNELS = [A, B, LATEST, FRESH];
const FROMS = ['p.1', 'max.1'];
const ALL = 100_000;
/** The pause after a takeover, a lease, and how long one waits for an archive that is away. */
const GOES_ON_MAX_MS = 10_000;

/** All that readers and publishers can see of the channels, without the names of epochs. */
async function shown(engine: Engine): Promise<unknown> {
  const pages = await Promise.all(CHANNELS.map((channel) => engine.readHistory(channel, null, ALL)));
  const states = await Promise.all(CHANNELS.map((channel) => engine.readState(channel)));
  const wishes = CHANNELS.map((channel) => ({ channel, froms: FROMS, withState: false }));
  return plain({
    logs: pages.map(({ log: { head, base, oldest }, ...page }) => ({ head, base, oldest, ...page })),
    states: states.map(({ offset, state }) => ({ offset, state })),
    loaded: (await engine.load(0, wishes)).channels,
    events: (await engine.readUnarchived(0, 0, 1)).events,
  });
}

async function texts(engine: Engine, channel: string): Promise<string[]> {
  const page = await engine.readHistory(channel, null, ALL);
  return page.kind === 'events' ? page.events.map(textOf) : [];
}

async function merged(engine: Engine, ...changes: Change[]): Promise<void> {
  const { rev } = await engine.readUnarchived(0, 0, 1);
  await engine.append(changes);
  const isMerged = async () => {
    const now = await engine.readUnarchived(0, 0, 1);
    return now.waiting === 0 && now.rev > rev;
  };
  await waitFor(isMerged, { what: 'all to be merged' });
}

async function allArchived(engine: Engine, archive: Archive, channels: readonly string[]): Promise<void> {
  for (const channel of channels) await untilArchived(archive, channel, (await boundsOf(engine, channel)).head);
}

interface Lost {
  readonly epoch: string;
  readonly was: unknown;
  readonly heads: Readonly<Record<string, number>>;
  readonly copy: string;
}

/**
 * Events of two channels, and a copy; then changes that are in the inbox of another copy, and become events that only the archive
 * has.
 */
async function fill(
  engine: Engine,
  merger: { stop(): Promise<void> },
  archive: Archive,
  redis: RedisServer,
): Promise<Lost> {
  await merged(
    engine,
    change(A, 'a1', { from: 'p.1', seq: 1 }),
    change(B, 'b1'),
    change(LATEST, 'l1', { from: 'max.1' }),
  );
  await allArchived(engine, archive, [A, B, LATEST]);
  await merger.stop();
  await engine.append([
    change(A, 'a2'),
    change(A, 'a3', { from: 'p.1', seq: 2 }),
    change(LATEST, 'l2', { from: 'max.1' }),
    change(LATEST, 'l3', { from: 'eve.1' }),
    change(FRESH, 'f1'),
  ]);
  const copy = copyOf(redis);
  const next = createLogMerger(engine, archive);
  await next.start();
  await merged(
    engine,
    change(A, 'a4', { from: 'p.1', seq: 3 }),
    change(A, 'a2'),
    change(FRESH, 'f2', { from: 'max.1', seq: 9 }),
  );
  await allArchived(engine, archive, CHANNELS);
  const heads = Object.fromEntries(
    await Promise.all(CHANNELS.map(async (channel) => [channel, (await boundsOf(engine, channel)).head] as const)),
  );
  const was = await shown(engine);
  const { epoch } = await boundsOf(engine, A);
  // What it gives back when it ends does not arrive.
  await redis.cli('CLIENT', 'PAUSE', '600000');
  await next.stop();
  return { epoch, was, heads, copy };
}

async function lose(redis: RedisServer, archive: Archive): Promise<Lost> {
  await using life = await startLife(redis, archive);
  const { archiver } = await startArchiver(life.engine, archive);
  const lost = await fill(life.engine, life.merger, archive, redis);
  await archiver.stop();
  return lost;
}

const inAnother = (engine: Engine, epoch: string) =>
  waitFor(async () => (await boundsOf(engine, A)).epoch !== epoch, { what: 'another epoch' });

describe('a Redis that comes back with less than is archived', () => {
  it('has all of it again, for every reader and every publisher, and nothing twice', async () => {
    await using redis = await startRedis({ appendfsync: 'always' });
    const archive = openArchive(postgres, postgres.newSchema(), 1);
    const { copy, epoch, was, heads } = await lose(redis, archive);
    await comeBack(redis, 'everysec', copy);
    rmSync(copy, { recursive: true });
    await using life = await startLife(redis, archive);
    const { engine } = life;
    const { archiver } = await startArchiver(engine, archive);
    await inAnother(engine, epoch);
    await waitFor(async () => (await engine.readUnarchived(0, 0, 1)).waiting === 0, { what: 'the inbox to be empty' });
    assert.deepEqual(await shown(engine), was);
    assert.deepEqual(await texts(engine, A), ['a1', 'a2', 'a3', 'a4', 'a2']);
    for (const [channel, head] of Object.entries(heads)) {
      const { start, texts: given } = await startAt(engine, channel, epoch, head);
      assert.deepEqual([start.status, given], ['resumed', []], channel);
    }
    const early = await startAt(engine, A, epoch, 1);
    assert.deepEqual([early.start.status, early.texts], ['resumed', ['a2', 'a3', 'a4', 'a2']]);
    // What a publisher repeats that had its answer, and what follows.
    await merged(
      engine,
      change(A, 'a4', { from: 'p.1', seq: 3 }),
      change(A, 'a5', { from: 'p.1', seq: 4 }),
      change(B, 'b2'),
    );
    assert.deepEqual(await texts(engine, A), ['a1', 'a2', 'a3', 'a4', 'a2', 'a5']);
    assert.deepEqual((await startAt(engine, A, epoch, heads[A]!)).texts, ['a5']);
    assert.deepEqual((await startAt(engine, B, epoch, heads[B]!)).texts, ['b2']);
    await allArchived(engine, archive, CHANNELS);
    const { log, events } = (await archive.read(A, 0, ALL, ALL))!;
    assert.deepEqual([log.epoch, events.map(textOf)], [(await boundsOf(engine, A)).epoch, await texts(engine, A)]);
    await archiver.stop();
    await archive.close();
  });

  it('while the fleet lives on: a gateway that has seen what is lost has nothing to start over', async () => {
    await using redis = await startRedis({ appendfsync: 'always' });
    const archive = openArchive(postgres, postgres.newSchema(), 1);
    await using life = await startLife(redis, archive);
    const { engine } = life;
    const { archiver } = await startArchiver(engine, archive);
    await send(engine, A, 'a1', 'a2');
    await send(engine, B, 'b1');
    await allArchived(engine, archive, [A, B]);
    const copy = copyOf(redis);
    const hub = new Hub(A, { engine, account: () => {}, onError: () => {} });
    await hub.opened;
    await send(engine, A, 'a3', 'a4');
    await allArchived(engine, archive, [A]);
    await waitFor(() => hub.head === 4, { what: 'the hub to be at the head' });
    const { epoch } = hub;
    let isOver = false;
    const gaps: string[] = [];
    const asking = (async () => {
      while (!isOver) {
        const page = await hub.page({ epoch, offset: 4 }).catch(() => null);
        if (page?.kind === 'gap') gaps.push(page.reason);
        await sleep(20);
      }
    })();
    await comeBack(redis, 'everysec', copy);
    rmSync(copy, { recursive: true });
    await waitFor(() => engine.ping().then(...SETTLED), { what: 'Redis to be back' });
    hub.suspect();
    await inAnother(engine, epoch);
    await send(engine, A, 'a5');
    await waitFor(() => hub.head === 5, { what: 'the hub to be at the head again' });
    const page = await hub.page({ epoch, offset: 3 });
    assert.deepEqual(page.kind === 'events' && page.events.map(textOf), ['a4', 'a5']);
    isOver = true;
    await asking;
    assert.deepEqual(gaps, []);
    hub.close();
    await archiver.stop();
    await archive.close();
  });

  it('and whose archive is away goes on without it in ten seconds, and says so', async () => {
    await using redis = await startRedis({ appendfsync: 'always' });
    const archive = openArchive(postgres, postgres.newSchema(), 1);
    const { copy, epoch, heads } = await lose(redis, archive);
    await comeBack(redis, 'everysec', copy);
    rmSync(copy, { recursive: true });
    await postgres.pause();
    const lines: string[] = [];
    const log = createLogger({ logLevel: 'info' }, { write: (line: string) => void lines.push(line) });
    try {
      const startedMs = performance.now();
      await using life = await startLife(redis, archive, log);
      const { engine } = life;
      await inAnother(engine, epoch);
      const tookMs = performance.now() - startedMs;
      assert.ok(tookMs < GOES_ON_MAX_MS, `${tookMs} ms`);
      assert.ok(lines.some((line) => line.includes('the merge goes on without')));
      assert.equal((await startAt(engine, A, epoch, heads[A]!)).start.status, 'reset');
      assert.equal((await startAt(engine, B, epoch, heads[B]!)).start.status, 'resumed');
    } finally {
      await postgres.resume();
    }
    await archive.close();
  });
});
