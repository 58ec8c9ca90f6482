/**
 * What the engine asks of Redis: one function per Lua script. This file and `reads.ts`, which has what only reads logs, alone
 * know the order of a script's keys and arguments and the shape of its answer; `lua/*.lua` say what they mean.
 */
import type { Change } from '../../domain/change.ts';
import { erasedForm } from '../../domain/event.ts';
import { type Epoch, newEpoch } from '../../domain/position.ts';
import { EngineUnavailable } from '../../errors.ts';
import type {
  AppendOutcome,
  Commit,
  CommitOutcome,
  Committed,
  EngineOptions,
  Evidence,
  Lease,
  Peek,
  PeekLimits,
  RollName,
} from '../engine.ts';
import { encodeChannels } from './codec/commit-writer.ts';
import { encodeEntries } from './codec/entry-writer.ts';
import { encodeIdentity } from './codec/event-writer.ts';
import type { Keys } from './keys.ts';
import type { LeaseQuestion } from './leases.ts';
import type { Argument, Reply } from './nodes/calls.ts';
import { stepMax } from './reads.ts';
import type { Runner } from './runner.ts';
import { scripts } from './scripts.ts';
import { type Claim, FORMAT } from './start/fit.ts';

/** Unreadable entries a shard keeps for an operator to look at (contract of `commit`). */
const UNREADABLE_KEPT = 1_000;
/** What stores have that were begun before there were numbers. */
const FORMAT_UNNUMBERED = 1;
/** An inbox is weighed (MEMORY USAGE) from this length on, or earlier where the largest changes could have reached the limit. */
const ENTRIES_NOT_WEIGHED = 1_024;
/** What `MAX_CHANGE_BYTES` may be at most. */
const ENTRY_BYTES_MAX = 256 << 10;

/**
 * After a restart or failover nobody merges for so long (`lua/peek.lua`). A gateway connects again within a second and
 * compares at once; what it finds later is still found, only that more was built upon it.
 */
const TAKEOVER_PAUSE_MS = 1_000;

/** The changes of one `append` that share a shard. */
export interface ShardBatch {
  readonly shard: number;
  readonly changes: Change[];
}

/** What became of changes that were not accepted. */
export interface NotAccepted {
  readonly batch: ShardBatch;
  readonly outcome: Exclude<AppendOutcome, 'accepted'>;
}

export type RawPeek =
  /** By another, known by that sign, which is to be watched for so long (`leases.ts`). */
  | { readonly kind: 'held'; readonly sign: string; readonly leftMs: number }
  | { readonly kind: 'free' }
  | Extract<Peek, { kind: 'unvouched' | 'refill' }>
  | {
      readonly kind: 'entries';
      readonly epoch: Epoch;
      readonly rev: number;
      readonly events: number;
      readonly waiting: number;
      readonly raws: readonly Buffer[];
      /** What the clock of the shard says (`lua/store-clock.lua`). */
      readonly clockMs: number;
    };

type Refusal = Extract<CommitOutcome, { kind: 'refused' }>['reason'];

export type RawCommit = Exclude<CommitOutcome, { kind: 'committed' }> | (Committed & { readonly clockMs: number });

export type Commands = ReturnType<typeof createCommands>;

export function createCommands(keys: Keys, options: EngineOptions, runner: Runner) {
  const run = runner.run.bind(runner);
  const entriesNotWeighed = Math.min(ENTRIES_NOT_WEIGHED, Math.floor(options.inboxMaxBytes / ENTRY_BYTES_MAX));
  const maxStep = stepMax(options.maxChangeBytes);
  const appendLimits = [options.inboxMaxEntries, options.inboxMaxBytes, entriesNotWeighed].map(String);

  async function appendTogether(batches: readonly ShardBatch[]): Promise<NotAccepted[]> {
    const names = batches.map(({ shard }) => keys.ofShard(shard));
    const inboxes = names.map(({ inbox }) => inbox);
    const hashes = runner.isOne ? names.map(({ shard }) => shard) : [];
    const entries = encodeEntries(batches.map(({ changes }) => changes));
    const args = [...appendLimits, ...names.map(({ wake }) => wake), entries];
    const full = (await runner.append(batches[0]!.shard, scripts.append, [...inboxes, ...hashes], args)) as number[];
    return full.map((i) => ({ batch: batches[i - 1]!, outcome: 'full' }));
  }

  /** Each by a call of its own, which fails for itself. */
  async function appendApart(batches: readonly ShardBatch[]): Promise<NotAccepted[]> {
    const calls = await Promise.allSettled(batches.map((batch) => appendTogether([batch])));
    const failed = calls.flatMap((call) => (call.status === 'rejected' ? [call.reason as unknown] : []));
    const worst = failed.find((error) => !(error instanceof EngineUnavailable));
    if (worst !== undefined || failed.length === calls.length) throw worst ?? failed[0];
    return calls.flatMap((call, i) =>
      call.status === 'fulfilled' ? call.value : { batch: batches[i]!, outcome: 'unknown' as const },
    );
  }

  return {
    /** Which of the batches were not accepted. Rejects where nothing is known of any. */
    append(batches: readonly ShardBatch[]): Promise<NotAccepted[]> {
      return runner.isOne || batches.length === 1 ? appendTogether(batches) : appendApart(batches);
    },

    /** As what this store was begun: as what we are, if nobody has begun it before. */
    async claim(): Promise<Claim> {
      const args = [options.shards, FORMAT, FORMAT_UNNUMBERED].map(String);
      const [shards, format] = (await run(0, scripts.claim, [keys.shards, keys.format], args)) as Reply[];
      return { shards: Number(shards), format: Number(format) };
    },

    async gather(roll: RollName, member: string, figure: number, ttlMs: number): Promise<number[]> {
      const args = [member, String(figure), String(ttlMs)];
      return (await run(0, scripts.gather, [keys.members[roll]], args)) as number[];
    },

    async peek(shard: number, lease: Lease, limits: PeekLimits, question: LeaseQuestion): Promise<RawPeek> {
      const { shard: hash, inbox } = keys.ofShard(shard);
      const { maxEntries, maxBytes } = limits;
      const { sign, isDue } = question;
      const asked = [lease.token, lease.ms, maxEntries, maxBytes, newEpoch(), TAKEOVER_PAUSE_MS, maxStep];
      const flags = [isDue, runner.keepsAll, lease.takes !== false, lease.refills === true].map(Number);
      const args = [...asked, sign, ...flags].map(String);
      const [isMine, ...rest] = (await run(shard, scripts.peek, [hash, inbox], args)) as Reply[];
      if (isMine === 0) return { kind: 'held', sign: String(rest[0]), leftMs: Number(rest[1]) };
      if (isMine === 3) return { kind: 'free' };
      if (isMine === 2) return { kind: 'unvouched', epoch: String(rest[0]) };
      const [epoch, rev, events, waiting, raws, clock] = rest;
      if (isMine === 4) {
        const [at, made, left] = [rev, events, waiting].map(Number);
        return { kind: 'refill', epoch: String(epoch), rev: at!, events: made!, waiting: left! };
      }
      return {
        kind: 'entries',
        epoch: String(epoch),
        rev: Number(rev),
        events: Number(events),
        waiting: Number(waiting),
        raws: raws as Buffer[],
        clockMs: Number(clock),
      };
    },

    /**
     * @param lastEntry The last entry the inbox is to give up, as it was read; empty to not check.
     * @param mergedMs When its events are made, by the clock of the shard.
     */
    async commit(shard: number, commit: Commit, lastEntry: Buffer, mergedMs: number | undefined): Promise<RawCommit> {
      const of = keys.ofShard(shard);
      const names = [of.shard, of.inbox, of.dedupeExpiry, of.recent, of.bad];
      const args: Argument[] = [
        commit.token,
        String(commit.rev),
        String(commit.entries),
        lastEntry,
        String(options.historyMaxEvents),
        String(options.dedupeTtlMs),
        String(commit.unreadable.length),
        String(UNREADABLE_KEPT),
        of.eventsPrefix,
        String(maxStep),
        ...commit.unreadable.map(bufferOf),
      ];
      for (const { channel, state, seqs, refold } of commit.channels) {
        const of = keys.ofChannel(shard, channel);
        names.push(of.meta, of.history);
        if (state.size > 0 || refold !== undefined) names.push(of.state, of.index);
        if (seqs.size > 0) names.push(of.dedupe);
      }
      args.push(encodeChannels(commit.epoch, commit.channels, mergedMs));
      const answer = await run(shard, scripts.commit, names, args);
      if (!Array.isArray(answer)) return { kind: 'refused', reason: String(answer) as Refusal };
      const [rev, events, waiting, clockMs] = answer.map(Number);
      return { kind: 'committed', rev: rev!, events: events!, waiting: waiting!, clockMs: clockMs! };
    },

    async release(shard: number, token: string): Promise<void> {
      const { shard: hash, wake } = keys.ofShard(shard);
      await run(shard, scripts.release, [hash], [token, wake]);
    },

    async renew(shard: number, epoch: Epoch, evidence: Evidence): Promise<{ renewed: boolean; epoch: Epoch }> {
      const of = keys.ofShard(shard);
      const names = [of.shard, of.forgotten];
      if ('channel' in evidence) {
        const { meta, history } = keys.ofChannel(shard, evidence.channel);
        names.push(meta, history);
      }
      const args: Argument[] = [epoch, newEpoch(), of.epoch, of.wake, evidence.kind, ...evidenceArguments(evidence)];
      const [renewed, current] = (await run(shard, scripts.renew, names, args)) as Reply[];
      return { renewed: renewed === 1, epoch: String(current) };
    },
  };
}

function evidenceArguments(evidence: Evidence): Argument[] {
  switch (evidence.kind) {
    case 'head':
      return [String(evidence.offset)];
    case 'event':
      return [
        ...[evidence.channel, String(evidence.event.offset)],
        ...[encodeIdentity(evidence.event), encodeIdentity(erasedForm(evidence.event))],
      ];
    case 'rev':
      return [String(evidence.rev), evidence.token ?? ''];
    case 'unvouched':
      return [];
  }
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
