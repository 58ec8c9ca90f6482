/** Erasing in the archive: log by log, a part at a time; and last that somebody of that name was there at all. */
import type { Archive, ArchivedLog, SentLog } from '../archive/archive.ts';
import type { Channel } from '../domain/channel.ts';
import { channelEpoch, foldOf, type LogBounds } from '../domain/position.ts';
import type { Count } from './count.ts';

export type ErasingArchive = Pick<Archive, 'read' | 'logsWith' | 'erase' | 'forgetSender'>;

export interface ArchivedTask {
  readonly shard: number;
  readonly name: string;
  readonly count: Count;
  /** Whoever has copies. */
  tell(channel: Channel): Promise<void>;
}

export async function eraseArchived(archive: ErasingArchive, task: ArchivedTask): Promise<void> {
  const { shard, name, tell } = task;
  const done = new Map<string, number>();
  const channels = new Set<Channel>();
  // A log may be cut in two meanwhile.
  for (let logs = await newLogs(); logs.length > 0; logs = await newLogs()) {
    for (const log of logs) {
      done.set(log.id, await eraseLog(archive, log, task));
      channels.add(log.channel);
    }
  }

  async function newLogs(): Promise<SentLog[]> {
    return (await archive.logsWith(shard, name)).filter(({ id }) => !done.has(id));
  }

  // Who asks again after a failure finds the logs still, so nobody stays without being told.
  for (const channel of channels) await tell(channel);
  for (const [id, through] of done) await archive.forgetSender(shard, id, name, through);
}

/** @returns Up to where. */
async function eraseLog(
  archive: ErasingArchive,
  { id, channel, isCurrent }: SentLog,
  { shard, name, count }: ArchivedTask,
): Promise<number> {
  // What it sent since then it sent after it was erased.
  const upTo = (isCurrent ? count.headOf(channel) : undefined) ?? Number.MAX_SAFE_INTEGER;
  for (let after = 0; ; ) {
    const { offsets, through, isAll } = await archive.erase(shard, id, name, after, upTo);
    count.addArchived(channel, isCurrent, offsets);
    if (isAll) return Math.min(through, upTo);
    after = through;
  }
}

/** Whether it is what the engine's log was, or is. */
export function isOfLog(archived: ArchivedLog, log: LogBounds): boolean {
  const epoch = channelEpoch(archived.epoch, foldOf(log));
  return epoch === log.epoch || epoch === log.parent;
}
