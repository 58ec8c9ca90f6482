/**
 * A rolling upgrade from the last release and the rollback to it, under load, one process after the other: all of it is one
 * service to those outside, whose books say that each change became one event, in order, and that no stream was told to start over.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { theLastRelease, whyNoLastRelease } from '../support/last-release.ts';
import { type ServerProcess, startServer } from '../support/process.ts';
import { theProgram } from '../support/program.ts';
import { startRedis } from '../support/redis-server.ts';
import { waitFor } from '../support/wait.ts';
import { type Follower, follow } from './follower.ts';
import { bodyOf, Ledger } from './ledger.ts';
import { createPublisher, type Publisher } from './publisher.ts';

/** As k8s/README.md has it: a newer merger reads what an older bucket writes. Back again, the other way round. */
const ORDER = ['merger', 'bucket', 'gateway'] as const;
const CHANNELS = Array.from({ length: 24 }, (_, i) => `room-${i}`);
const CHANNELS_OF_STREAM = 12;
const EVERY_MS = 40;
const REPEAT_MS = 50;
/** For an event that comes at once here, on a machine that does ten things. */
const SEEN_TIMEOUT_MS = 30_000;

type Version = () => Promise<string>;

/** What is reached under one address each: the process that is in service now. */
class Service implements AsyncDisposable {
  readonly #redisUrl: string;
  readonly #inService = new Map<string, ServerProcess>();
  publisher!: Publisher;

  constructor(redisUrl: string) {
    this.#redisUrl = redisUrl;
  }

  get gatewayUrl(): string {
    return this.#inService.get('gateway')!.url;
  }

  /** The next is ready before the former is told to end. */
  async roll(role: (typeof ORDER)[number], version: Version): Promise<void> {
    const env = { REDIS_URL: this.#redisUrl, ROLES: role, DRAIN_MS: '500' };
    const former = this.#inService.get(role);
    const next = await startServer({ env, main: version });
    this.#inService.set(role, next);
    const formerPublisher = this.publisher;
    if (role === 'bucket') this.publisher = createPublisher(next.url, CHANNELS.length);
    if (!former) return;
    assert.equal((await former.stop()).code, 0, former.output());
    if (role === 'bucket') await formerPublisher[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.publisher?.[Symbol.asyncDispose]();
    await Promise.all([...this.#inService.values()].map((server) => server.stop()));
  }
}

it('a rolling upgrade and its rollback lose nothing, repeat nothing, and reset nobody', async (t) => {
  const reason = whyNoLastRelease();
  if (reason !== null) return t.skip(reason);
  const [former, head] = [theLastRelease, theProgram];
  await using redis = await startRedis();
  await using service = new Service(redis.url);
  for (const role of ORDER) await service.roll(role, former);

  let isOver = false;
  let sent = 0;
  /** As P6 wants it: the very same again, wherever the service is by then. */
  async function deliver(channel: string, seq: number): Promise<void> {
    for (;;) {
      const submission = { channel, from: 'p.1', seq, body: bodyOf(seq) };
      const outcome = await service.publisher.post(submission).catch((error: Error) => error);
      if (outcome === 204) break;
      if (typeof outcome === 'number' && outcome < 500) throw new Error(`answered ${outcome}`);
      await sleep(REPEAT_MS);
    }
    sent++;
  }

  const ledgers: Ledger[] = [];
  const followers: Follower[] = [];
  for (let i = 0; i < CHANNELS.length; i += CHANNELS_OF_STREAM) {
    const ledger = new Ledger(`reader of channels from ${i}`);
    ledgers.push(ledger);
    const channels = CHANNELS.slice(i, i + CHANNELS_OF_STREAM);
    followers.push(follow({ url: () => service.gatewayUrl, channels, ledger }));
  }
  const seen = () => ledgers.reduce((sum, { count }) => sum + count, 0);
  const seesAll = async (what: string) => {
    const due = sent + CHANNELS.length;
    await waitFor(
      () => {
        for (const follower of followers) follower.check();
        return seen() >= due;
      },
      { timeoutMs: SEEN_TIMEOUT_MS, what: () => `${due} events ${what}, ${seen()} were seen` },
    );
  };
  let lanes: Promise<void>[] = [];
  try {
    await Promise.all(followers.map(({ synced }) => synced));
    lanes = CHANNELS.map(async (channel) => {
      for (let seq = 1; !isOver; seq++) {
        await deliver(channel, seq);
        await sleep(EVERY_MS);
      }
    });
    await seesAll('of the last release');
    for (const [version, name, roles] of [
      [head, 'the head', ORDER],
      [former, 'the last release again', [...ORDER].reverse()],
    ] as const) {
      for (const role of roles) {
        await service.roll(role, version);
        await seesAll(`with the ${role} of ${name}`);
      }
    }
    isOver = true;
    await Promise.all(lanes);
    await waitFor(() => seen() >= sent, {
      timeoutMs: SEEN_TIMEOUT_MS,
      what: () => `${sent} events, ${seen()} were seen`,
    });
    for (const follower of followers) follower.check();
    assert.equal(seen(), sent);
  } finally {
    isOver = true;
    await Promise.allSettled(lanes);
    await Promise.all(followers.map((follower) => follower[Symbol.asyncDispose]()));
  }
});
