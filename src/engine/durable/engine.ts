/**
 * The engine of a single box that may stop: the shards are in memory, as the memory engine has them, and each step is on the disk
 * before it is taken. So what it accepted, the offsets, last seqs and states outlive the process, however that ends.
 *
 * Of one shard one step is on its way to the disk at a time, for each is worked out from the one before; appends change nothing
 * that a step goes by, and wait for none. Those of all shards go together (`disk.ts`).
 */
import { type Clock, systemClock } from '../../clock.ts';
import { shardOf } from '../../domain/channel.ts';
import { createInLine } from '../../domain/in-line.ts';
import { newEpoch } from '../../domain/position.ts';
import { EngineUnusable } from '../../errors.ts';
import type { AppendOutcome, Engine, EngineOptions, SweepOutcome } from '../engine.ts';
import { markArchived } from '../memory/archiving.ts';
import { engineOn } from '../memory/engine.ts';
import { createShard, epochFor, groupByShard, isMissing, weigh } from '../memory/shard.ts';
import { dated, ownedBy, Steps } from '../memory/steps.ts';
import { sweptOf } from '../memory/sweeps.ts';
import { createDeep, type Deep } from './deep.ts';
import { openDirectory } from './directory.ts';
import type { Disk } from './disk.ts';
import { createErasing } from './erasing.ts';
import { InboxRows } from './inbox-rows.ts';
import { type BoxLink, linkTo } from './link.ts';
import { type Loaded, load } from './load.ts';
import { type Plan, type RowOptions, Rows } from './rows.ts';

/** What is over by a minute may be there for an hour. */
const RETAIN_EVERY_MS = 3_600_000;

export interface DurableOptions extends EngineOptions {
  readonly dataDir: string;
  /** Whether events stay on the disk that histories give up, for as long as `keptMs` says. Default: none does. */
  readonly keepsAll?: boolean;
}

export interface DurableEngine extends Engine {
  /** For what else is to outlive the process. */
  readonly link: BoxLink;
  /** Null where histories are all that is kept. */
  readonly deep: Deep | null;
}

/** Rejects with an EngineUnusable: in use, of another number of shards, of a newer version, or not to be written. */
export async function createDurableEngine(options: DurableOptions, clock: Clock = systemClock): Promise<DurableEngine> {
  const disk = await openDirectory(options.dataDir);
  try {
    const withRows = { ...options, keepsAll: options.keepsAll ?? false };
    const loaded = (await load(disk, withRows)) ?? (await begin(disk, withRows));
    const { length } = loaded.shards;
    if (length !== options.shards) {
      throw new EngineUnusable(
        `SHARDS is ${options.shards}, but DATA_DIR ${options.dataDir} was begun with ${length}: it cannot be changed later.`,
      );
    }
    return engineWith(disk, loaded, withRows, continued(clock, loaded.clockMs));
  } catch (error) {
    await disk.close();
    throw error;
  }
}

async function begin(disk: Disk, options: RowOptions): Promise<Loaded> {
  const shards = Array.from({ length: options.shards }, createShard);
  const known = { next: 1, channels: new Map(), inboxes: shards.map(() => new InboxRows()) };
  const rows = new Rows(known, options);
  await disk.write([['clock', 0], ...shards.map((shard, index) => rows.ofShard(index, shard))]);
  return { shards, known, clockMs: 0 };
}

/** Goes on where it was. */
function continued(clock: Clock, atMs: number): Clock {
  const startedMs = clock.elapsedMs();
  return { wallMs: () => clock.wallMs(), elapsedMs: () => atMs + clock.elapsedMs() - startedMs };
}

function engineWith(
  disk: Disk,
  { shards, known }: Loaded,
  options: DurableOptions & RowOptions,
  clock: Clock,
): DurableEngine {
  const steps = new Steps(shards, options, options.keepsAll);
  const memory = engineOn(steps, options, clock);
  const rows = new Rows(known, options);
  /** Changes on their way to the disk, which take room already. */
  const coming = shards.map(() => ({ changes: 0, bytes: 0 }));
  /** Behind the step of the shard that is under way. */
  const inOrder = createInLine<number>();

  async function write(plan: Plan): Promise<void> {
    await disk.write(plan.rows);
    plan.written();
  }

  // Unless it is told for how long, nothing that is kept is given up.
  const { keepsAll, keptMs = () => Number.POSITIVE_INFINITY } = options;
  const deep = keepsAll ? createDeep({ disk, shards, known, clock, keptMs, inOrder }) : null;
  // What fails is done by the next.
  const retain = () => void deep?.retain().catch(() => {});
  retain();
  const retaining = setInterval(retain, RETAIN_EVERY_MS);
  retaining.unref();

  async function append(index: number, changes: Parameters<Engine['append']>[0]): Promise<void> {
    const owned = ownedBy(changes);
    const bytes = owned.reduce((sum, change) => sum + weigh(change), 0);
    coming[index]!.changes += owned.length;
    coming[index]!.bytes += bytes;
    try {
      await write(rows.ofAppend(index, owned));
      steps.take(index, owned);
    } finally {
      coming[index]!.changes -= owned.length;
      coming[index]!.bytes -= bytes;
    }
  }

  return {
    ...memory,
    ...createErasing({ disk, shards, known, rows, steps, clock, keepsAll, inOrder }),
    link: linkTo(disk, clock),
    deep,

    async append(changes) {
      const outcomes = new Map<number, AppendOutcome>();
      const writing: Promise<void>[] = [];
      for (const [index, batch] of groupByShard(changes, options.shards)) {
        const isTaken = !steps.isFull(index, coming[index]);
        outcomes.set(index, isTaken ? 'accepted' : 'full');
        if (isTaken) writing.push(append(index, batch));
      }
      // As a rule they share a message; where one of several fails, nothing is known of all.
      await Promise.all(writing);
      return changes.map(({ channel }) => outcomes.get(shardOf(channel, options.shards))!);
    },

    commit: (index, commit) =>
      inOrder(index, async () => {
        const reason = steps.refusalOf(index, commit);
        if (reason !== null) return { kind: 'refused', reason };
        const nowMs = clock.elapsedMs();
        const its = dated(commit, nowMs);
        await write(rows.ofCommit(index, shards[index]!, its, nowMs, clock.wallMs()));
        return steps.commit(index, its, nowMs);
      }),

    sweep: (index, token, limit) =>
      inOrder(index, async (): Promise<SweepOutcome> => {
        if (!steps.holds(index, token)) return { kind: 'refused', reason: 'lease' };
        const nowMs = clock.elapsedMs();
        const found = steps.sweepable(index, limit, nowMs);
        if (found.channels.length + found.publishers.length > 0) {
          await write(rows.ofForgetting(index, shards[index]!, found, nowMs));
        }
        steps.sweep(index, found);
        if (!keepsAll && found.resting.length > 0) await write(rows.ofMarks(index, shards[index]!, found.resting));
        return sweptOf(shards[index]!, found);
      }),

    renew: (index, epoch, evidence) =>
      inOrder(index, async () => {
        const shard = shards[index]!;
        if (epochFor(shard, evidence) !== epoch || !isMissing(shard, evidence)) {
          return { kind: 'kept', epoch: epochFor(shard, evidence) };
        }
        const next = newEpoch();
        await disk.write(rows.ofRenewal(index, shard, next));
        steps.renew(index, next);
        return { kind: 'renewed', epoch: epochFor(shard, evidence) };
      }),

    markArchived: (index, archived) =>
      inOrder(index, async () => {
        const shard = shards[index]!;
        const isMarked = markArchived(shard, archived, options.historyMaxEvents);
        const marked = isMarked ? archived.marks.map(({ channel }) => channel) : [];
        await write(rows.ofMarks(index, shard, marked));
        return isMarked;
      }),

    async ping() {
      // Whether it has recovered is only known by trying.
      if (disk.failure !== null) await disk.write([['clock', clock.elapsedMs()]]);
      return new Map();
    },

    async close() {
      clearInterval(retaining);
      steps.end();
      await disk.close();
    },
  };
}
