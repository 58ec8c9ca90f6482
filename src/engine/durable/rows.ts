/**
 * What each step of a shard writes: the rows as they are once it is taken. They are on the disk before it is, so nobody
 * ever saw what is not there.
 */
import { piecesOf } from '../../archive/packing.ts';
import type { Change } from '../../domain/change.ts';
import type { Channel } from '../../domain/channel.ts';
import { isErased } from '../../domain/event.ts';
import type { Epoch } from '../../domain/position.ts';
import type { ChannelCommit, Commit, EngineOptions } from '../engine.ts';
import { backlogBytesOf, keptOf } from '../memory/archiving.ts';
import { outOfMind, type Shard } from '../memory/shard.ts';
import { publisherName } from '../memory/steps.ts';
import type { Sweepable } from '../memory/sweeps.ts';
import { ChannelRows } from './channel-rows.ts';
import { type InboxRows, packChanges } from './inbox-rows.ts';
import type { Write } from './statements.ts';

/** Which rows there are. */
export interface Known {
  /** Of the next row that is made. */
  next: number;
  readonly channels: Map<Channel, ChannelRows>;
  /** By shard. */
  readonly inboxes: readonly InboxRows[];
}

export interface Plan {
  readonly rows: Write[];
  /** To be called once they are written. */
  written(): void;
}

export interface RowOptions extends EngineOptions {
  /** Whether events stay on the disk when a history gives them up. */
  readonly keepsAll: boolean;
}

type ShardValues = Pick<Shard, 'epoch' | 'rev' | 'events' | 'forgotten' | 'backlog'>;

export class Rows {
  readonly #known: Known;
  readonly #options: RowOptions;

  constructor(known: Known, options: RowOptions) {
    this.#known = known;
    this.#options = options;
  }

  ofShard(index: number, { epoch, rev, events, forgotten, backlog }: ShardValues, taken = this.#taken(index)): Write {
    const { maxBytes = null, events: waiting = null, bytes = null } = backlog ?? {};
    return ['shard', index, epoch, rev, events, forgotten, taken, maxBytes, waiting, bytes];
  }

  #taken(index: number): number {
    return this.#known.inboxes[index]!.taken;
  }

  ofAppend(index: number, changes: readonly Change[]): Plan {
    const id = this.#known.next++;
    return {
      rows: [['accepted', id, index, packChanges(changes)]],
      written: () => this.#known.inboxes[index]!.add(id, changes.length),
    };
  }

  /** @param commit Dated, and not refused. */
  ofCommit(index: number, shard: Shard, commit: Commit, nowMs: number, wallMs: number): Plan {
    const events = commit.channels.flatMap((each) => each.events);
    const next = { ...shard, rev: shard.rev + 1, events: shard.events + events.length };
    if (shard.backlog !== null) {
      const { backlog } = shard;
      const bytes = backlog.bytes + backlogBytesOf(events);
      next.backlog = { ...backlog, events: backlog.events + events.length, bytes };
    }
    const inbox = this.#known.inboxes[index]!;
    const taking = inbox.taking(commit.entries);
    const rows: Write[] = [['clock', nowMs], this.ofShard(index, next, taking.taken)];
    const written = commit.channels.map((each) => this.#addChannel(rows, next, each, nowMs, wallMs));
    for (const id of taking.gone) rows.push(['taken', id]);
    return {
      rows,
      written() {
        inbox.take(taking);
        for (const each of written) each?.();
      },
    };
  }

  /** @returns What is known once they are written, if that is anything. */
  #addChannel(
    rows: Write[],
    next: Shard,
    commit: ChannelCommit,
    nowMs: number,
    wallMs: number,
  ): (() => void) | undefined {
    const { channel, events, refold, seqs, state, reducer, stateBytes } = commit;
    const expiresMs = nowMs + this.#options.dedupeTtlMs;
    for (const [from, seq] of seqs) rows.push(['publisher', publisherName(channel, from), seq, expiresMs]);
    if (events.length === 0) return undefined;
    const log = next.logs.get(channel);
    const its = (log && this.#known.channels.get(channel)) ?? new ChannelRows(this.#known.next++);
    const head = events.at(-1)!.offset;
    const base = log?.base ?? events[0]!.offset - 1;
    const { keepsAll, historyMaxEvents } = this.#options;
    const { archived = base, archivedFrom = keepsAll ? base + 1 : 0, fold = 0 } = log ?? {};
    const erased = events.findLast(isErased)?.offset ?? log?.erased ?? 0;
    const values = [base, head, refold ?? fold, reducer, stateBytes, next.rev, nowMs, archived, archivedFrom, erased];
    rows.push(['channel', its.id, channel, ...values]);
    const pieces = piecesOf(events).map((piece) => ({ id: this.#known.next++, piece }));
    for (const { id, piece } of pieces) rows.push(['piece', id, its.id, piece.first, wallMs, piece.bytes]);
    const gone = keepsAll ? [] : its.below(head - keptOf(next, head, archived, historyMaxEvents) + 1);
    for (const id of gone) rows.push(['noPiece', id]);
    if (refold !== undefined) rows.push(['noFields', its.id]);
    for (const [name, { offset, bytes }] of state) rows.push(['field', its.id, name, offset, bytes]);
    return () => {
      this.#known.channels.set(channel, its);
      its.drop(gone.length);
      if (!keepsAll) for (const { id, piece } of pieces) its.add(id, piece);
    };
  }

  ofForgetting(index: number, shard: Shard, { channels, publishers }: Sweepable, nowMs: number): Plan {
    const dropped = outOfMind(shard, channels);
    const positions = dropped.map((channel) => shard.forgottenChannels.get(channel)!);
    const forgotten = Math.max(shard.forgotten, ...positions);
    const events = shard.events + (channels.length > 0 ? 1 : 0);
    const next = { ...shard, rev: shard.rev + 1, events, forgotten };
    const rows: Write[] = [['clock', nowMs], this.ofShard(index, next)];
    for (const name of publishers) rows.push(['noPublisher', name]);
    for (const channel of channels) {
      const its = this.#known.channels.get(channel)!;
      rows.push(['noChannel', its.id], ['noFields', its.id], ['noPiecesOf', its.id], ['noneCounted', its.id]);
      rows.push(['forgotten', channel, events]);
    }
    for (const channel of dropped) rows.push(['notForgotten', channel]);
    return { rows, written: () => channels.forEach((channel) => void this.#known.channels.delete(channel)) };
  }

  ofRenewal(index: number, shard: Shard, epoch: Epoch): Write[] {
    return [this.ofShard(index, { ...shard, epoch, rev: shard.rev + 1 })];
  }

  /** Without what is merged. @param left All that wait in the inbox, as they are from now on; null where they stay as they are. */
  ofWaiting(index: number, shard: Shard, left: readonly Change[] | null): Write[] {
    const rows: Write[] = left === null ? [] : [this.ofShard(index, { ...shard, rev: shard.rev + 1 })];
    for (const { id, merged, own } of this.#known.inboxes[index]!.apart(left ?? shard.inbox)) {
      rows.push(['acceptedAnew', id, index, packChanges([...merged, ...own])]);
    }
    return rows;
  }

  /** Of histories that have given up what lies behind them already, or soon: that changes nothing that anybody could have seen. */
  ofMarks(index: number, shard: Shard, channels: readonly Channel[]): Plan {
    const rows: Write[] = [this.ofShard(index, shard)];
    const drops: (() => void)[] = [];
    for (const channel of channels) {
      const log = shard.logs.get(channel);
      const its = this.#known.channels.get(channel);
      if (log === undefined || its === undefined) continue;
      rows.push(['archived', log.archived, its.id, log.archivedFrom]);
      const gone = its.below(log.history.oldest);
      for (const id of gone) rows.push(['noPiece', id]);
      drops.push(() => its.drop(gone.length));
    }
    return { rows, written: () => drops.forEach((drop) => void drop()) };
  }
}
