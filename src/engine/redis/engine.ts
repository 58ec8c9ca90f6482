/**
 * The engine of a fleet: the contract of `../engine.ts` on Redis >= 7.0, standalone, behind Sentinels, or a Cluster.
 *
 * All that is atomic is one Lua script on one shard's keys (`commands.ts`, `lua/`). This file holds no state of any
 * log: whatever a process believes, Redis decides. Which primary that is, `primaries.ts` and `cluster.ts` know.
 */
import type { Change } from '../../domain/change.ts';
import { shardOf } from '../../domain/channel.ts';
import { channelEpoch } from '../../domain/position.ts';
import { EngineUnavailable } from '../../errors.ts';
import {
  type AppendOutcome,
  type Engine,
  type EngineOptions,
  type Lease,
  type Peek,
  type PeekLimits,
  READ_MAX_BYTES,
} from '../engine.ts';
import { createArchiving } from './archiving.ts';
import { decodeEntry } from './codec/codec.ts';
import { type Commands, createCommands, type ShardBatch } from './commands.ts';
import { createErasing } from './erasing.ts';
import { historyFrom } from './history-page.ts';
import { Keys } from './keys.ts';
import { LastPeeks } from './last-peeks.ts';
import { Leases } from './leases.ts';
import type { EngineLog } from './log.ts';
import { behindSentinels, targetsFrom } from './nodes/addresses.ts';
import { openCluster } from './nodes/cluster.ts';
import { openSingle, type Primaries } from './nodes/primaries.ts';
import { ChannelListener } from './pubsub/channel-listener.ts';
import { Subscriber } from './pubsub/subscriber.ts';
import { createReads } from './reads.ts';
import { createRefilling } from './refilling.ts';
import type { Runner } from './runner.ts';
import type { Fit } from './start/fit.ts';
import { type Guest, type RedisRole, redisRoles } from './start/needs.ts';
import { claimStore, type Mode } from './start/start-checks.ts';
import { readWhole } from './state-reader.ts';
import { StoreClocks } from './store-clocks.ts';
import { createSweeping } from './sweeping.ts';
import { createTails } from './tails.ts';
import { Unreadable } from './unreadable.ts';
import { watch } from './watch.ts';

export type { EngineLog };

/** What others keep in the same Redis goes by the engine's connections: scripts on one shard, and pub/sub there. */
export interface RedisLink {
  readonly shards: number;
  /** Of a key, or a pub/sub name, on this shard. */
  nameOf(shard: number, name: string): string;
  run: Runner['run'];
  listen: Subscriber['listen'];
}

export interface RedisEngine extends Engine {
  readonly link: RedisLink;
}

export interface RedisEngineOptions extends EngineOptions {
  /** Of Redis; of some nodes of the Cluster, or the Sentinels, with commas. */
  readonly url: string;
  /** Before every key, so that several fleets can share a Redis. */
  readonly prefix: string;
  readonly log: EngineLog;
  /** Default standalone. */
  readonly mode?: Mode;
  /** What this process does: of the user of Redis no more rights are asked for. Default all. */
  readonly roles?: readonly RedisRole[];
  /** What others keep there by `link`: its rights are asked for as well. */
  readonly guest?: Guest;
  /** By what name the Sentinels know the primary. Default `mymaster`. */
  readonly sentinelMaster?: string;
  /** How many replicas must have a change before `append` resolves. Default 0. */
  readonly waitReplicas?: number;
  /** How long a command may take before its outcome is unknown. Default 1,000. */
  readonly commandTimeoutMs?: number;
}

const COMMAND_TIMEOUT_MS = 1_000;

/** Fails with an EngineUnusable when that Redis cannot be reached or cannot be used. */
export async function createRedisEngine(options: RedisEngineOptions): Promise<RedisEngine> {
  const { prefix, log, shards } = options;
  const keys = new Keys(prefix, shards);
  // The subscriber listens on lines of the primaries, which tell it the news. Nobody listens before both are there.
  const subscriber: Subscriber = new Subscriber(
    { lineOf: (shard) => primaries.lineOf(shard), doubt: () => primaries.doubt() },
    log,
  );
  const primaries: Primaries = await openPrimaries(options, subscriber);
  const close = async () => {
    subscriber.close();
    await primaries.close();
  };
  const where = `${keys.shards}, ${keys.format}`;
  const fit = await claimStore(createCommands(keys, options, primaries).claim, { shards, where, log }).catch(
    async (error: unknown) => {
      await close();
      throw error;
    },
  );
  const runner = whileItFits(primaries, fit);
  const commands = createCommands(keys, options, runner);
  const reads = createReads(keys, options, runner);
  const unreadable = new Unreadable(log);
  const { readChanges, readTails } = createTails(keys, options, runner, unreadable);
  const last = new LastPeeks();
  const elapsedMs = () => performance.now();
  const leases = new Leases(elapsedMs);
  const clocks = new StoreClocks(elapsedMs);
  const link: RedisLink = {
    shards,
    nameOf: (shard, name) => keys.ofAccess(shard, name),
    run: runner.run,
    listen: (...asked) => subscriber.listen(...asked),
  };
  return {
    link,
    shards,
    shardsFailApart: !runner.isOne,
    append: (changes) => append(commands, changes, shards),
    peek: (shard, lease, limits) => peek(commands, { last, leases, clocks, shards }, shard, lease, limits),
    load: reads.load,
    async commit(shard, commit) {
      const { lastEntry, rest } = last.take(shard, commit);
      const answer = await commands.commit(shard, commit, lastEntry, clocks.nowMs(shard));
      if (answer.kind !== 'committed') return answer;
      const { clockMs, ...outcome } = answer;
      clocks.tell(shard, clockMs);
      // A wake that came meanwhile told of an inbox that was empty: then there is no rest.
      if (rest.length > 0) last.keep(shard, outcome.rev, rest);
      return outcome;
    },
    release: commands.release,
    async readHistory(channel, after, limit, maxBytes = READ_MAX_BYTES) {
      const raw = await reads.history(shardOf(channel, shards), channel, after, limit, maxBytes);
      if (raw === null) throw new EngineUnavailable('what may have been lost is put back');
      // What a position of the epoch before has behind it is the same in this one.
      const from = after && raw.isOfBoth ? { epoch: channelEpoch(raw.epoch, raw.fold), offset: after.offset } : after;
      const page = historyFrom(raw, from, (error, offset) => unreadable.tell(channel, error, offset));
      return { ...page, clockMs: raw.clockMs };
    },
    readChanges,
    readTails,
    ...createArchiving(keys, options, runner),
    ...createRefilling(keys, options, runner),
    ...createErasing(keys, options, runner),
    ...createSweeping(keys, options, runner),
    readState(channel) {
      const shard = shardOf(channel, shards);
      return readWhole((cursor, after) => reads.statePage(shard, channel, cursor, after));
    },
    readProgress: reads.progress,
    subscribe(channel, observer) {
      const shard = shardOf(channel, shards);
      const { epoch } = keys.ofShard(shard);
      return subscriber.listen(
        shard,
        [keys.ofChannel(shard, channel).events, epoch],
        new ChannelListener(observer, epoch, (error) => unreadable.tell(channel, error)),
      );
    },
    watch: (onWake, onFree = () => {}) => watch(subscriber, keys, last, shards, { onWake, onFree }),
    async renew(shard, epoch, evidence) {
      const answer = await commands.renew(shard, epoch, evidence);
      return { kind: answer.renewed ? 'renewed' : 'kept', epoch: answer.epoch };
    },
    gather: commands.gather,
    async ping() {
      const away = await primaries.ping();
      // The first shard knows what the store is for.
      if (!away.has(0)) await fit.check();
      else if (fit.problem) throw fit.problem;
      return away;
    },
    close,
  };
}

function whileItFits(primaries: Primaries, fit: Fit): Runner {
  const { isOne, keepsAll } = primaries;
  return {
    isOne,
    keepsAll,
    run: (...asked) => (fit.problem ? Promise.reject(fit.problem) : primaries.run(...asked)),
    append: (...asked) => (fit.problem ? Promise.reject(fit.problem) : primaries.append(...asked)),
  };
}

function openPrimaries(options: RedisEngineOptions, news: Subscriber): Promise<Primaries> {
  const { url, log, shards, mode = 'standalone', sentinelMaster = 'mymaster' } = options;
  const { waitReplicas = 0, commandTimeoutMs = COMMAND_TIMEOUT_MS, prefix, roles = redisRoles, guest } = options;
  const targets = targetsFrom(url);
  const rights = { prefix, roles, isCluster: mode === 'cluster', waitReplicas, ...(guest && { guest }) };
  const common = { log, commandTimeoutMs, news, ...rights };
  switch (mode) {
    case 'standalone':
      return openSingle(targets[0]!, mode, common);
    case 'sentinel':
      return openSingle(behindSentinels(targets, sentinelMaster), mode, common);
    case 'cluster':
      return openCluster(targets, { ...common, shards, rearranged: () => news.rearranged() });
  }
}

async function append(commands: Commands, changes: readonly Change[], shards: number): Promise<AppendOutcome[]> {
  const batches: (ShardBatch | undefined)[] = [];
  const touched: ShardBatch[] = [];
  for (const change of changes) {
    const shard = shardOf(change.channel, shards);
    let batch = batches[shard];
    if (batch === undefined) {
      batch = { shard, changes: [] };
      batches[shard] = batch;
      touched.push(batch);
    }
    batch.changes.push(change);
  }
  const rest = await commands.append(touched);
  if (rest.length === 0) return changes.map(() => 'accepted');
  const notAccepted = new Map(rest.flatMap(({ batch, outcome }) => batch.changes.map((change) => [change, outcome])));
  return changes.map((change) => notAccepted.get(change) ?? 'accepted');
}

interface PeekKnowledge {
  readonly last: LastPeeks;
  readonly leases: Leases;
  readonly clocks: StoreClocks;
  readonly shards: number;
}

async function peek(
  commands: Commands,
  { last, leases, clocks, shards }: PeekKnowledge,
  shard: number,
  lease: Lease,
  limits: PeekLimits,
): Promise<Peek> {
  const question = leases.question(shard, lease);
  const answer = await commands.peek(shard, lease, limits, question);
  if (answer.kind === 'held') {
    last.keep(shard, 0, []);
    return { kind: 'held', remainingMs: leases.isAnothers(shard, lease, answer.sign, answer.leftMs) };
  }
  if (answer.kind === 'free') return answer;
  leases.isOurs(shard, lease, question);
  if (answer.kind === 'unvouched' || answer.kind === 'refill') {
    last.keep(shard, 0, []);
    return answer;
  }
  const { raws, clockMs, ...rest } = answer;
  clocks.tell(shard, clockMs);
  last.keep(shard, answer.rev, raws);
  const belongsHere = (channel: string) => shardOf(channel, shards) === shard;
  return { ...rest, entries: raws.map((raw) => decodeEntry(raw, belongsHere)) };
}
