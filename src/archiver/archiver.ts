/**
 * The archiver: moves the events of all shards that no other archiver has to the archive, a shard for itself, a little after they
 * are made. While the archive is away nothing is lost: the engine keeps what is not archived, and refuses changes once that is too
 * much.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Round, ShardArchive, type ShardArchiveDeps } from './shard-archive.ts';

export interface Archiver {
  start(): void;
  /** Resolves when nothing more is written. What is left another one archives, or this one when it comes back. */
  stop(): Promise<void>;
}

/** What comes within this goes into the archive together. */
const QUIET_MS = 250;
/** How often it is looked at whether another archiver is still there. */
const HELD_MS = 2_000;
/** How often what is kept no longer is given up. */
const RETAIN_MS = 3_600_000;
/** After a round that failed. */
const FAILED_MS = 1_000;

/** In the place of a shard. */
const NO_SHARD = -1;

const pauseMs: Readonly<Record<Round, number>> = { more: 0, quiet: QUIET_MS, held: HELD_MS };

export function createArchiver(deps: ShardArchiveDeps): Archiver {
  const { engine, log, metrics } = deps;
  const shards = Array.from({ length: engine.shards }, (_, shard) => new ShardArchive(shard, deps));
  const stopping = new AbortController();
  /** What each shard failed with last. */
  const failing = new Map<number, string>();
  let loops: Promise<void> = Promise.resolve();

  async function rest(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: stopping.signal }).catch(() => {});
  }

  /** Of all shards: nobody writes before it was done once. */
  async function retain(): Promise<boolean> {
    try {
      await deps.archive.retain();
      for (const shard of shards) shard.forget();
      return true;
    } catch (error) {
      failed(NO_SHARD, error);
      return false;
    }
  }

  async function keepRetaining(): Promise<void> {
    while (!stopping.signal.aborted) {
      await rest(RETAIN_MS);
      while (!stopping.signal.aborted && !(await retain())) await rest(FAILED_MS);
      healed(NO_SHARD);
    }
  }

  async function begin(): Promise<void> {
    while (!stopping.signal.aborted && !(await retain())) await rest(FAILED_MS);
    healed(NO_SHARD);
    await Promise.all([keepRetaining(), ...shards.map((_, shard) => run(shard))]);
  }

  async function run(shard: number): Promise<void> {
    const archive = shards[shard]!;
    while (!stopping.signal.aborted) {
      let restMs = FAILED_MS;
      try {
        restMs = pauseMs[await archive.round()];
        healed(shard);
      } catch (error) {
        await archive.failed();
        failed(shard, error);
      }
      metrics.archivedShards.set(shards.filter(({ isOurs }) => isOurs).length);
      if (restMs > 0) await rest(restMs);
    }
    await archive.release().catch((error: unknown) => log.warn({ shard, err: error }, 'the shard was not given back'));
  }

  /** Said once for all shards, as all fail when the archive is away. */
  function failed(shard: number, error: unknown): void {
    const reason = String(error);
    const isNews = ![...failing.values()].includes(reason);
    failing.set(shard, reason);
    metrics.archiveFailures.inc();
    log[isNews ? 'error' : 'debug']({ shard, err: error }, 'not archived: trying again');
  }

  function healed(shard: number): void {
    if (!failing.delete(shard) || failing.size > 0) return;
    log.info('archiving goes on');
  }

  return {
    start() {
      loops = begin();
    },
    async stop() {
      stopping.abort();
      await loops;
    },
  };
}
