/** The shards as the disk has them: what was accepted, merged and remembered before the process began. */
import { eventsIn } from '../../archive/packing.ts';
import { type Channel, shardOf } from '../../domain/channel.ts';
import { History } from '../../domain/history.ts';
import { trim } from '../memory/archiving.ts';
import { createShard, type Log, type Shard, weigh } from '../memory/shard.ts';
import { ChannelRows } from './channel-rows.ts';
import type { Disk } from './disk.ts';
import { changesIn, InboxRows } from './inbox-rows.ts';
import type { Known, RowOptions } from './rows.ts';
import type { Row, Value } from './statements.ts';

export interface Loaded {
  readonly shards: readonly Shard[];
  readonly known: Known;
  /** What the clock said when something was last written, milliseconds. */
  readonly clockMs: number;
}

/** @returns null where nothing was ever written. */
export async function load(disk: Disk, options: RowOptions): Promise<Loaded | null> {
  const [clock] = await disk.read('clock');
  if (clock === undefined) return null;
  const rows = await disk.read('shards');
  const shards = rows.map(shardFrom);
  const inboxes = rows.map(([, , , , , taken]) => new InboxRows(taken as number));
  const known: Known = { next: 1, channels: new Map(), inboxes };
  const logs = await loadLogs(disk, known, options);
  const ofChannel = (channel: Channel) => shards[shardOf(channel, shards.length)]!;
  for (const [channel, log] of [...logs].sort(([, a], [, b]) => a.usedMs - b.usedMs)) {
    const shard = ofChannel(channel);
    shard.logs.set(channel, log);
    trim(shard, log, options.historyMaxEvents);
  }
  const publishers = await listOf(disk, 'publishers');
  for (const [name, seq, expiresMs] of publishers.sort((a, b) => (a[2] as number) - (b[2] as number))) {
    const channel = (name as string).split(' ')[0]!;
    ofChannel(channel).publishers.set(name as string, { seq: seq as number, expiresMs: expiresMs as number });
  }
  const forgotten = await listOf(disk, 'forgotten');
  for (const [channel, position] of forgotten.sort((a, b) => (a[1] as number) - (b[1] as number))) {
    ofChannel(channel as Channel).forgottenChannels.set(channel as Channel, position as number);
  }
  await disk.readAll('inbox', [0], ([id, index, packed]) => {
    const changes = changesIn(packed as Uint8Array);
    const inbox = inboxes[index as number]!;
    const shard = shards[index as number]!;
    const merged = inbox.isEmpty ? inbox.taken : 0;
    inbox.add(id as number, changes.length);
    for (const change of changes.slice(merged)) {
      shard.inbox.push(change);
      shard.inboxBytes += weigh(change);
    }
    isUsed(known, id);
  });
  return { shards, known, clockMs: clock[0] as number };
}

function shardFrom([, epoch, rev, events, forgotten, , maxBytes, waiting, bytes]: Row): Shard {
  const backlog =
    maxBytes === null ? null : { maxBytes: maxBytes as number, events: waiting as number, bytes: bytes as number };
  return {
    ...createShard(),
    epoch: epoch as string,
    rev: rev as number,
    events: events as number,
    forgotten: forgotten as number,
    backlog,
  };
}

/** Rows have one count. */
function isUsed(known: Known, id: Value | undefined): void {
  known.next = Math.max(known.next, (id as number) + 1);
}

async function loadLogs(
  disk: Disk,
  known: Known,
  { keepsAll, historyMaxEvents }: RowOptions,
): Promise<Map<Channel, Log>> {
  const logs = new Map<Channel, Log>();
  const byId = new Map<number, { readonly log: Log; readonly rows: ChannelRows }>();
  await disk.readAll('channels', [0], (row) => {
    const [id, channel, base] = row as [number, Channel, number];
    const log = logFrom(row, base);
    const rows = new ChannelRows(id);
    logs.set(channel, log);
    byId.set(id, { log, rows });
    known.channels.set(channel, rows);
    isUsed(known, id);
  });
  const add = (id: Value | undefined, first: Value | undefined, piece: Value | undefined) => {
    const { log, rows } = byId.get(id as number)!;
    log.history.append(eventsIn(piece as Buffer, first as number));
    return { log, rows };
  };
  if (keepsAll) {
    await disk.readAll('recent', [0, 0], ([id, first, piece]) => void add(id, first, piece), [historyMaxEvents]);
    isUsed(known, (await disk.read('lastPiece'))[0]![0]);
  } else {
    await disk.readAll('events', [0], ([id, channel, first, piece]) => {
      const { log, rows } = add(channel, first, piece);
      rows.add(id as number, { last: log.history.head });
      isUsed(known, id);
    });
  }
  await disk.readAll('counted', [0, ''], ([id, tag, through]) => {
    byId.get(id as number)!.log.counted.set(tag as string, through as number);
  });
  await disk.readAll('fields', [0, ''], ([id, name, offset, bytes]) => {
    const field = { offset: offset as number, bytes: bytes as Uint8Array | null };
    byId.get(id as number)!.log.state.set(name as string, field);
  });
  return logs;
}

function logFrom(row: Row, base: number): Log {
  const [, , , , fold, reducer, stateBytes, rev, usedMs, archived, archivedFrom, erased] = row as [
    ...[number, Channel, number, number, number, string, number, number, number, number, number, number],
  ];
  return {
    base,
    history: new History(base),
    state: new Map(),
    stateBytes,
    reducer,
    fold,
    usedMs,
    rev,
    archived,
    archivedFrom,
    erased,
    counted: new Map(),
  };
}

async function listOf(disk: Disk, name: 'publishers' | 'forgotten'): Promise<Row[]> {
  const rows: Row[] = [];
  await disk.readAll(name, [''], (row) => void rows.push(row));
  return rows;
}
