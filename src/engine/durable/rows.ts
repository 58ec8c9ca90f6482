/**
 * What each step of a shard writes: the rows as they are once it is taken. They are on the disk before it is, so nobody
 * ever saw what is not there.
 */
import { piecesOf } from '../../archive/packing.ts';
import type { Channel } from '../../domain/channel.ts';
import type { Epoch } from '../../domain/position.ts';
import type { ChannelCommit, Commit, EngineOptions } from '../engine.ts';
import { backlogBytesOf, keptOf } from '../memory/archiving.ts';
import { type Log, outOfMind, type Shard } from '../memory/shard.ts';
import { type Forgettable, publisherName } from '../memory/steps.ts';
import type { Taking } from './inbox-rows.ts';
import type { Write } from './statements.ts';

/** Which row is which. */
export interface Numbers {
  next: number;
  readonly channels: Map<Channel, number>;
}

type ShardValues = Pick<Shard, 'epoch' | 'rev' | 'events' | 'forgotten' | 'backlog'>;

export class Rows {
  readonly #numbers: Numbers;
  readonly #options: EngineOptions;

  constructor(numbers: Numbers, options: EngineOptions) {
    this.#numbers = numbers;
    this.#options = options;
  }

  /** @param taken As its inbox says. */
  ofShard(index: number, { epoch, rev, events, forgotten, backlog }: ShardValues, taken: number): Write {
    const ofBacklog = backlog === null ? ([null, null, null] as const) : backlogValues(backlog);
    return ['shard', index, epoch, rev, events, forgotten, taken, ...ofBacklog];
  }

  /** @param commit Dated, and not refused. */
  ofCommit(index: number, shard: Shard, commit: Commit, nowMs: number, { gone, taken }: Taking): Write[] {
    const events = commit.channels.flatMap((each) => each.events);
    const next = { ...shard, rev: shard.rev + 1, events: shard.events + events.length };
    if (shard.backlog !== null) {
      const { backlog } = shard;
      const bytes = backlog.bytes + backlogBytesOf(events);
      next.backlog = { ...backlog, events: backlog.events + events.length, bytes };
    }
    const rows: Write[] = [['clock', nowMs], this.ofShard(index, next, taken)];
    for (const each of commit.channels) this.#addChannel(rows, next, each, nowMs);
    for (const id of gone) rows.push(['taken', id]);
    return rows;
  }

  #addChannel(rows: Write[], next: Shard, commit: ChannelCommit, nowMs: number): void {
    const { channel, events, refold, seqs, state, reducer, stateBytes } = commit;
    const expiresMs = nowMs + this.#options.dedupeTtlMs;
    for (const [from, seq] of seqs) rows.push(['publisher', publisherName(channel, from), seq, expiresMs]);
    if (events.length === 0) return;
    const log = next.logs.get(channel);
    const id = log === undefined ? this.#begin(channel) : this.#numbers.channels.get(channel)!;
    const head = events.at(-1)!.offset;
    const base = log?.base ?? events[0]!.offset - 1;
    const { archived = base, archivedFrom = 0, fold = 0 } = log ?? {};
    const values = [base, head, refold ?? fold, reducer, stateBytes, next.rev, nowMs, archived, archivedFrom];
    rows.push(['channel', id, channel, ...values]);
    for (const { first, last, bytes } of piecesOf(events)) rows.push(['piece', id, first, last, bytes]);
    const oldest = head - keptOf(next, head, archived, this.#options.historyMaxEvents) + 1;
    if (log !== undefined && oldest > log.history.oldest) rows.push(['trim', id, oldest]);
    if (refold !== undefined) rows.push(['noFields', id]);
    for (const [name, { offset, bytes }] of state) rows.push(['field', id, name, offset, bytes]);
  }

  #begin(channel: Channel): number {
    const id = this.#numbers.next++;
    this.#numbers.channels.set(channel, id);
    return id;
  }

  ofForgetting(index: number, shard: Shard, found: Forgettable, nowMs: number, taken: number): Write[] {
    const { channels, publishers } = found;
    const dropped = outOfMind(shard, channels);
    const positions = dropped.map((channel) => shard.forgottenChannels.get(channel)!);
    const forgotten = Math.max(shard.forgotten, ...positions);
    const events = shard.events + (channels.length > 0 ? 1 : 0);
    const next = { ...shard, rev: shard.rev + 1, events, forgotten };
    const rows: Write[] = [['clock', nowMs], this.ofShard(index, next, taken)];
    for (const name of publishers) rows.push(['noPublisher', name]);
    for (const channel of channels) {
      const id = this.#numbers.channels.get(channel)!;
      rows.push(['noChannel', id], ['noEvents', id], ['noFields', id], ['forgotten', channel, events]);
    }
    for (const channel of dropped) rows.push(['notForgotten', channel]);
    return rows;
  }

  forgot({ channels }: Forgettable): void {
    for (const channel of channels) this.#numbers.channels.delete(channel);
  }

  ofRenewal(index: number, shard: Shard, epoch: Epoch, taken: number): Write[] {
    return [this.ofShard(index, { ...shard, epoch, rev: shard.rev + 1 }, taken)];
  }

  /** Of what is marked already: that it is, changes nothing that anybody could have seen. */
  ofMark({ archived, archivedFrom, history }: Log, channel: Channel): Write[] {
    const id = this.#numbers.channels.get(channel)!;
    return [
      ['archived', archived, archivedFrom, id],
      ['trim', id, history.oldest],
    ];
  }
}

function backlogValues({ maxBytes, events, bytes }: NonNullable<Shard['backlog']>) {
  return [maxBytes, events, bytes] as const;
}
