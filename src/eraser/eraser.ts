/**
 * Erases a person: all that publishers of a name sent goes from inboxes, histories, states and the archive, channel by channel, in steps of
 * which each may be taken again (docs/adr/0031). Whoever asks again after a failure goes on where it was.
 *
 * First the engine, then the archive: what an archiver has read before is refused once the archive was asked, and what it reads
 * from then on has nothing of it.
 */
import { isName, isOf } from '../domain/change.ts';
import type { Channel } from '../domain/channel.ts';
import type { Event } from '../domain/event.ts';
import { createInLine } from '../domain/in-line.ts';
import { type LogBounds, reachOf } from '../domain/position.ts';
import type { FieldOwners } from '../domain/state.ts';
import type { Engine, Histories } from '../engine/engine.ts';
import { ERASE_EVENTS_MAX, ERASE_MAX_BYTES, type SentEvent } from '../engine/erasing.ts';
import { EngineUnavailable, Problem } from '../errors.ts';
import { type ErasingArchive, eraseArchived, isOfLog } from './archived.ts';
import { channelsOf } from './channels.ts';
import { Count, type Counted } from './count.ts';

export interface Eraser {
  /**
   * Resolves when nothing is left; rejects with nobody knowing how far it came.
   *
   * @throws {Problem} 400, where it is no name; 501, with nothing done, where there is an archive that this process does not have.
   */
  erase(name: string): Promise<Counted>;
}

export interface EraserDeps {
  readonly engine: Engine;
  /** Where the engine keeps more than its histories have, with all of it. */
  readonly deep: Histories | null;
  readonly archive: ErasingArchive | null;
  readonly clock: { wallMs(): number };
  /** @param reducer Its name. */
  readonly fieldsOf: (reducer: string | null) => FieldOwners;
}

/** Of one channel. */
interface Task {
  readonly shard: number;
  readonly channel: Channel;
  readonly name: string;
  readonly fields: FieldOwners;
  readonly count: Count;
}

/** How often a log is begun again that was trimmed, or renewed, while it was read. */
const TRIES_MAX = 20;

const NAME = 'name is what stands before the dot of a from: 1 to 40 of A–Z a–z 0–9 _ -.';

export function createEraser({ engine, deep, archive, clock, fieldsOf }: EraserDeps): Eraser {
  // One after the other: two of the same name would do the same work.
  const inLine = createInLine<'all'>();
  const histories = deep ?? engine;

  async function eraseAll(name: string): Promise<Counted> {
    for (let shard = 0; shard < engine.shards && archive === null; shard++) {
      if ((await engine.readUnarchived(shard, Number.MAX_SAFE_INTEGER, 1)).isArchived) {
        throw new Problem(
          'archive_unknown',
          'Ask a process that has DATABASE_URL: what is archived is to be erased, too.',
        );
      }
    }
    const count = new Count();
    for (let shard = 0; shard < engine.shards; shard++) await eraseShard(shard, name, count);
    await engine.scrub();
    return count.all;
  }

  async function eraseShard(shard: number, name: string, count: Count): Promise<void> {
    count.events += await engine.eraseWaiting(shard, name);
    for await (const channels of channelsOf(engine, shard)) {
      const wishes = channels.map((channel) => ({ channel, froms: [], withState: false }));
      const loaded = await engine.load(shard, wishes);
      for (const [i, channel] of channels.entries()) {
        const fields = fieldsOf(loaded.channels[i]!.reducer);
        await eraseChannel({ shard, channel, name, fields, count });
      }
    }
    if (archive !== null) {
      await eraseArchived(archive, { shard, name, count, tell: (channel) => tell(shard, channel, name) });
    }
    count.endShard();
  }

  async function eraseChannel(task: Task): Promise<void> {
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const counted = await countArchived(task);
      const { log } = await engine.readHistory(task.channel, null, 0);
      // What was archived and trimmed since would not be counted off.
      if (counted === null || log.oldest > counted + 1) continue;
      task.count.begin(task.channel, log);
      if (log.base === log.head || (await eraseLog(task, log))) return;
    }
    throw new EngineUnavailable('a log changes faster than it can be read');
  }

  function sentOf({ name, fields }: Task, events: readonly Event[]): SentEvent[] {
    return events
      .filter(({ from }) => isOf(name, from))
      .map((event) => ({ event, countedIn: fields.kind === 'counts' ? fields.fieldOf(event.bytes) : null }));
  }

  /**
   * Where the state counts, what the archive has is counted off first, while it is there to be read, and in the order of its offsets.
   *
   * @returns Up to where; null where the log is not the one it was.
   */
  async function countArchived(task: Task): Promise<number | null> {
    const { shard, channel, name, fields, count } = task;
    if (archive === null || fields.kind !== 'counts') return Number.POSITIVE_INFINITY;
    const { log } = await engine.readHistory(channel, null, 0);
    count.begin(channel, log);
    for (let offset = log.base; ; ) {
      const page = await archive.read(channel, offset, ERASE_EVENTS_MAX, ERASE_MAX_BYTES);
      const last = page?.events.at(-1);
      // What is in neither was given up before there was an archive.
      if (last === undefined || !isOfLog(page!.log, log)) return Math.max(offset, log.oldest - 1);
      offset = last.offset;
      const events = sentOf(task, page!.events);
      if (events.length === 0) continue;
      const of = { channel, epoch: log.epoch, name, field: null, atMs: clock.wallMs() };
      const erased = await engine.erase(shard, { ...of, events, through: offset });
      if (erased === null) return null;
      count.add(channel, erased);
    }
  }

  /** False where it is not the one it was. */
  async function eraseLog(task: Task, log: LogBounds): Promise<boolean> {
    const { shard, channel, name, fields, count } = task;
    const { epoch, head } = log;
    for (let offset = (deep === null ? log.oldest : reachOf(log)) - 1; ; ) {
      const page = await histories.readHistory(channel, { epoch, offset }, ERASE_EVENTS_MAX, ERASE_MAX_BYTES);
      if (page.kind === 'gap') return false;
      const through = page.events.at(-1)?.offset ?? head;
      const events = sentOf(task, page.events);
      // Also of a last page without any: a field may be of an event that is kept no more.
      if (events.length > 0 || through >= head) {
        const of = { channel, epoch, name, field: fields.kind === 'name' ? name : null, atMs: clock.wallMs() };
        const erased = await engine.erase(shard, { ...of, events, through });
        if (erased === null) return false;
        count.add(channel, erased);
      }
      if (through >= head) return true;
      offset = through;
    }
  }

  /** Who has copies of what the archive has no more. */
  async function tell(shard: number, channel: Channel, name: string): Promise<void> {
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const { epoch, base, head } = (await engine.readHistory(channel, null, 0)).log;
      // Nobody can ask for what was before a channel was forgotten.
      if (base === head) return;
      const of = { channel, epoch, name, events: [], through: 0, field: null };
      if ((await engine.erase(shard, { ...of, isTold: true, atMs: clock.wallMs() })) !== null) return;
    }
    throw new EngineUnavailable('a log changes faster than it can be told');
  }

  return {
    async erase(name) {
      if (!isName(name)) throw new Problem('bad_request', NAME);
      return inLine('all', () => eraseAll(name));
    },
  };
}
