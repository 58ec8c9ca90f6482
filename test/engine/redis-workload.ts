/**
 * Life on an engine while its Redis moves and dies under it: publishers that send one change after the other and
 * repeat what was not accepted, a merger, and a follower per channel that hears of events as a gateway does. In the end
 * every accepted change must be in the log once, in order, and every follower must have heard of all of it.
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Channel } from '../../src/domain/channel.ts';
import type { Event } from '../../src/domain/event.ts';
import type { Epoch } from '../../src/domain/position.ts';
import type { Engine, Subscription } from '../../src/engine/engine.ts';
import { EngineUnavailable } from '../../src/errors.ts';
import { change, channelOn, textOf } from '../contract/engine/kit.ts';
import { waitFor } from '../support/wait.ts';
import { createLogMerger } from './log-merger.ts';

/** Disposed of, it ends at once, whatever state the store is in. */
export interface Workload extends AsyncDisposable {
  readonly channels: readonly Channel[];
  /** Changes accepted so far, of one channel or of all. */
  accepted(channel?: Channel): number;
  /** How often the followers of a channel were told that something may be missing. */
  suspected(channel: Channel): number;
  /** Resolves when every channel has had so many more changes accepted and heard of them: all works. */
  goesOn(changes: number): Promise<void>;
  /** Ends the publishers, waits for the rest to arrive, and fails unless everything is as it must be. */
  finish(): Promise<void>;
}

/** More than any run makes. */
const ALL = 1_000_000;
const ALL_BYTES = 1 << 30;
const PUBLISHER = 'tester.1';
/** Between a publisher's changes: some hundred changes a second in all, on a machine shared with others. */
const PACE_MS = 3;
const RETRY_MS = 20;
/** Elections, a lease of a merger that saw its Redis die, and a busy machine. */
const RECOVERY_MS = 60_000;

export async function startWorkload(engine: Engine, channelsPerShard = 2): Promise<Workload> {
  const channels = Array.from({ length: engine.shards * channelsPerShard }, (_, i) =>
    channelOn(i % engine.shards, engine.shards),
  );
  const merger = createLogMerger(engine);
  const followers = new Map(channels.map((channel) => [channel, new Follower(engine, channel)]));
  await Promise.all([...followers.values()].map((follower) => follower.start()));
  await merger.start();

  const accepted = new Map(channels.map((channel) => [channel, 0]));
  let isOver = false;
  let isGivenUp = false;
  let stopped: Promise<void> | undefined;
  const stop = () => (stopped ??= merger.stop());
  async function publish(channel: Channel): Promise<void> {
    for (let seq = 1; !isOver; seq++) {
      const next = change(channel, String(seq), { from: PUBLISHER, seq });
      while ((await engine.append([next]).catch(onlyUnavailable)) === undefined) {
        if (isGivenUp) return;
        await sleep(RETRY_MS);
      }
      accepted.set(channel, seq);
      await sleep(PACE_MS);
    }
  }
  const publishing = channels.map(publish);

  const heardAll = (more: ReadonlyMap<Channel, number>) => {
    const late = channels.filter((channel) => followers.get(channel)!.log.length < more.get(channel)!);
    return { late, what: () => `followers of ${late.join()} to have heard of all` };
  };
  async function heard(counts: ReadonlyMap<Channel, number>): Promise<void> {
    await waitFor(() => heardAll(counts).late.length === 0, {
      what: () => heardAll(counts).what(),
      timeoutMs: RECOVERY_MS,
      everyMs: 20,
    });
  }

  return {
    channels,
    accepted: (channel) =>
      channel === undefined ? [...accepted.values()].reduce((sum, each) => sum + each, 0) : accepted.get(channel)!,
    suspected: (channel) => followers.get(channel)!.suspected,
    goesOn: (changes) => heard(new Map(Array.from(accepted, ([channel, count]) => [channel, count + changes]))),
    async finish() {
      isOver = true;
      await Promise.all(publishing);
      await heard(accepted);
      await stop();
      for (const channel of channels) {
        const page = await engine.readHistory(channel, null, ALL, ALL_BYTES);
        assert.ok(page.kind === 'events');
        const expected = Array.from({ length: accepted.get(channel)! }, (_, i) => String(i + 1));
        assert.deepEqual(page.events.map(textOf), expected, `the log of ${channel}: every change once, in order`);
        const { log } = followers.get(channel)!;
        assert.deepEqual(log.map(textOf), expected, `what was heard of ${channel}`);
      }
    },
    async [Symbol.asyncDispose]() {
      isOver = true;
      isGivenUp = true;
      for (const follower of followers.values()) follower.close();
      await Promise.allSettled([...publishing, stop()]);
    },
  };
}

function onlyUnavailable(error: unknown): undefined {
  if (!(error instanceof EngineUnavailable)) throw error;
}

/** Reads only when it has to: when it is told to be suspicious, or sees a hole or another epoch. Else it believes pub/sub. */
class Follower {
  readonly #engine: Engine;
  readonly #channel: Channel;
  #epoch: Epoch = '';
  log: Event[] = [];
  suspected = 0;
  #isReading = false;
  #mustRead = false;
  #isClosed = false;
  #subscription: Subscription | undefined;

  constructor(engine: Engine, channel: Channel) {
    this.#engine = engine;
    this.#channel = channel;
  }

  async start(): Promise<void> {
    this.#subscription = await this.#engine.subscribe(this.#channel, this);
    await this.#read();
  }

  published(epoch: Epoch, events: readonly Event[]): void {
    const next = (this.log.at(-1)?.offset ?? Number.NaN) + 1;
    const isNext = epoch === this.#epoch && events[0]!.offset === next && !this.#isReading;
    if (isNext) this.log.push(...events);
    else void this.#read();
  }

  suspect(): void {
    this.suspected++;
    void this.#read();
  }

  close(): void {
    this.#isClosed = true;
    this.#subscription?.close();
  }

  async #read(): Promise<void> {
    this.#mustRead = true;
    if (this.#isReading) return;
    this.#isReading = true;
    while (this.#mustRead && !this.#isClosed) {
      this.#mustRead = false;
      const page = await this.#engine.readHistory(this.#channel, null, ALL, ALL_BYTES).catch(onlyUnavailable);
      if (page?.kind === 'events') {
        this.#epoch = page.log.epoch;
        this.log = [...page.events];
      } else {
        this.#mustRead = true;
        await sleep(RETRY_MS);
      }
    }
    this.#isReading = false;
  }
}
