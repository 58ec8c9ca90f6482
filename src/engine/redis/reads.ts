/**
 * What is asked of Redis about logs, without changing any: what a merger has to know, history, pages of a state. Each answer is
 * bounded in bytes and in the time that Redis is busy with it.
 */
import type { Channel } from '../../domain/channel.ts';
import { channelEpoch, newEpoch, type Position } from '../../domain/position.ts';
import type { StateField } from '../../domain/state.ts';
import {
  type EngineOptions,
  LOAD_MAX_BYTES,
  LOAD_STATE_MAX_BYTES,
  type Loaded,
  type LoadWish,
  type Progress,
} from '../engine.ts';
import { decodeField } from './codec/codec.ts';
import { type RawHistory, rawHistory } from './history-page.ts';
import type { Keys } from './keys.ts';
import type { Reply } from './nodes/calls.ts';
import type { Runner } from './runner.ts';
import { scripts } from './scripts.ts';
import type { StatePage } from './state-reader.ts';

/** Lua's numbers must stay integers; nobody has room for more events than this. */
export const LIMIT_MAX = 1_000_000;
/** What a step of a read may bring at most, and so what can be read in vain: a millisecond of Redis, about. */
const STEP_MAX_BYTES = 1 << 20;
/** As many small ones take Redis a fraction of a millisecond. */
const STEP_MAX_COUNT = 1_000;
/** What an entry or event has beside the bytes of its change, at most: channel, publisher, trace, numbers. */
const AROUND_CHANGE_BYTES = 256;
/** What an event of a page is weighed with beside its bytes: Redis takes as long for a tiny one as for one of so many. */
export const EVENT_OVERHEAD_BYTES = 256;

/** A page of a state: some tenths of a millisecond for Redis, and a millisecond for who decodes it. */
const STATE_PAGE_FIELDS = 1_000;
const STATE_PAGE_BYTES = 256 << 10;
/** Fields in one step at most: all that a state has of the largest may be among them, but not in vain more than once. */
const STATE_STEP_FIELDS = 250;

/** Channels and publishers that one script looks up: a millisecond, about. */
const LOAD_MAX_CHANNELS = 200;
const LOAD_MAX_PUBLISHERS = 1_000;

/** How many entries or events may be read in one step, where the largest change may have so many bytes. */
export function stepMax(maxChangeBytes: number): number {
  const fit = Math.floor(STEP_MAX_BYTES / (maxChangeBytes + AROUND_CHANGE_BYTES));
  return Math.max(1, Math.min(STEP_MAX_COUNT, fit));
}

export type Reads = ReturnType<typeof createReads>;

export function createReads(keys: Keys, { maxChangeBytes }: EngineOptions, runner: Pick<Runner, 'run'>) {
  const run = runner.run.bind(runner);
  const maxStep = stepMax(maxChangeBytes);

  async function loadTogether(shard: number, wanted: readonly LoadWish[]): Promise<Loaded> {
    const names = [keys.ofShard(shard).shard];
    const args = [LOAD_STATE_MAX_BYTES, LOAD_MAX_BYTES].map(String);
    for (const { channel, froms, withState } of wanted) {
      const { meta, state, dedupe } = keys.ofChannel(shard, channel);
      names.push(meta, state, dedupe);
      args.push(withState ? '1' : '0', String(froms.length), ...froms);
    }
    const [rev, ...channels] = (await run(shard, scripts.load, names, args)) as Reply[];
    return {
      rev: Number(rev),
      channels: (channels as [Reply, Reply, Buffer[] | null, Reply[], Reply][]).map(
        ([head, reducer, state, seqs, fold]) => ({
          head: head === null ? null : Number(head),
          reducer: reducer === null ? null : String(reducer),
          state: state === null ? null : new Map(fieldsFrom(state)),
          ...(fold === null ? {} : { fold: Number(fold) }),
          seqs: seqs.map(Number),
        }),
      ),
    };
  }

  return {
    /** In several calls where many are wanted; its `rev` is -1 when the shard has moved on between them. */
    async load(shard: number, wanted: readonly LoadWish[]): Promise<Loaded> {
      const parts = portions(wanted);
      if (parts.length <= 1) return loadTogether(shard, wanted);
      const loaded: Loaded[] = [];
      for (const part of parts) loaded.push(await loadTogether(shard, part));
      const { rev } = loaded[0]!;
      return {
        rev: loaded.every((each) => each.rev === rev) ? rev : -1,
        channels: loaded.flatMap(({ channels }) => channels),
      };
    },

    async history(
      shard: number,
      channel: Channel,
      after: Position | null,
      limit: number,
      maxBytes: number,
    ): Promise<(RawHistory & { readonly clockMs: number; readonly isOfBoth: boolean }) | null> {
      const of = keys.ofShard(shard);
      const { meta, history } = keys.ofChannel(shard, channel);
      const position = [after?.epoch ?? '', after?.offset ?? 0];
      const limits = [Math.min(limit, LIMIT_MAX), maxBytes, maxStep, EVENT_OVERHEAD_BYTES];
      const args = [newEpoch(), channel, ...position, ...limits].map(String);
      const answer = (await run(
        shard,
        scripts.history,
        [of.shard, of.forgotten, meta, history, of.recent],
        args,
      )) as Reply[];
      if (answer.length === 0) return null;
      const [
        epoch,
        events,
        ofShard,
        ofChannel,
        head,
        base,
        kept,
        clock,
        blobs,
        fold,
        parent,
        isOfBoth,
        fork,
        archivedFrom,
        erased,
      ] = answer;
      const raw = rawHistory(
        [epoch!, events!, parent!],
        [ofShard!, ofChannel!],
        [head!, base!, kept!, fold!, archivedFrom!],
        blobs!,
      );
      const ofBoth = { isOfBoth: isOfBoth === 1, ...(fork == null ? {} : { fork: Number(fork) }) };
      const told = erased == null ? {} : { erased: Number(erased) };
      return { ...raw, ...ofBoth, ...told, clockMs: Number(clock) };
    },

    async progress(shard: number): Promise<Progress> {
      const { shard: ofShard, inbox } = keys.ofShard(shard);
      const [popped, waiting] = (await run(shard, scripts.progress, [ofShard, inbox], [])) as Reply[];
      return { merged: Number(popped), accepted: Number(popped) + Number(waiting) };
    },

    /** For `readWhole`, which says what cursor and position mean. */
    async statePage(shard: number, channel: Channel, cursor: string, after: number | null): Promise<StatePage> {
      const { meta, state, index } = keys.ofChannel(shard, channel);
      const limits = [STATE_STEP_FIELDS, STATE_PAGE_FIELDS, STATE_PAGE_BYTES];
      const args = [newEpoch(), cursor, after ?? '', ...limits].map(String);
      const answer = await run(shard, scripts.state, [keys.ofShard(shard).shard, meta, state, index], args);
      const [epoch, head, base, server, upTo, next, fields, fold] = answer as Reply[];
      return {
        epoch: channelEpoch(String(epoch), Number(fold)),
        head: Number(head),
        base: base === null ? null : Number(base),
        server: String(server),
        upTo: upTo === null ? null : Number(upTo),
        cursor: String(next),
        fields: fieldsFrom(fields as Buffer[]),
      };
    },
  };
}

/** Wishes that are answered by one script together; one wish is never parted. */
function portions(wanted: readonly LoadWish[]): LoadWish[][] {
  const parts: LoadWish[][] = [];
  let publishers = 0;
  for (const wish of wanted) {
    const last = parts.at(-1);
    publishers += wish.froms.length;
    if (last === undefined || last.length >= LOAD_MAX_CHANNELS || publishers > LOAD_MAX_PUBLISHERS) {
      parts.push([wish]);
      publishers = wish.froms.length;
    } else {
      last.push(wish);
    }
  }
  return parts;
}

function fieldsFrom(pairs: readonly Buffer[]): [string, StateField][] {
  const fields: [string, StateField][] = [];
  for (let i = 0; i < pairs.length; i += 2) fields.push([String(pairs[i]), decodeField(pairs[i + 1]!)]);
  return fields;
}
