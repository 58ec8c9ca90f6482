/**
 * A channel that is put back: it goes on from what the store has, event by event, as the archive has them; and its state with it, by the
 * reducer that made it. What a reducer decided then is not decided again.
 */
import type { ArchivedLog, ArchiveSource } from '../../archive/archive.ts';
import type { Channel } from '../../domain/channel.ts';
import { type Event, isErased, sameEvent } from '../../domain/event.ts';
import { channelEpoch, type Epoch } from '../../domain/position.ts';
import { fieldBytes, type StateField } from '../../domain/state.ts';
import type { Engine, LoadedChannel, RefilledChannel } from '../../engine/engine.ts';
import { type ReducerFor, reducerNamed } from '../reducers/patterns.ts';
import type { Reducer } from '../reducers/reducer.ts';
import type { LostLog } from './lost-logs.ts';

export interface ReturningDeps {
  readonly engine: Pick<Engine, 'load' | 'readHistory' | 'readState'>;
  readonly archive: Pick<ArchiveSource, 'read'>;
  readonly reducerFor: ReducerFor;
}

/** Null where what is archived does not follow on what the store has, so that it is lost. */
export async function openReturning(
  shard: number,
  epoch: Epoch,
  lost: LostLog,
  deps: ReturningDeps,
): Promise<ReturningChannel | null> {
  const { engine, reducerFor } = deps;
  const { channel } = lost;
  const wish = { channel, froms: [], withState: true };
  const loaded = (await engine.load(shard, [wish])).channels[0]!;
  const reducer = loaded.reducer === null ? reducerFor(channel) : reducerNamed(loaded.reducer);
  if (loaded.head !== lost.head || reducer === undefined) return null;
  if (!(await follows(epoch, lost, loaded, deps))) return null;
  const state = loaded.state ?? (await engine.readState(channel)).state;
  return new ReturningChannel(lost, loaded, reducer, state);
}

/** The last event that the store has must be in the archive, under the same offset; of a channel that it does not have all must be. */
async function follows(
  epoch: Epoch,
  { channel, head, log }: LostLog,
  { fold = 0 }: LoadedChannel,
  { engine, archive }: ReturningDeps,
): Promise<boolean> {
  if (head === null) return log.oldest === log.base + 1;
  const before = { epoch: channelEpoch(epoch, fold), offset: head - 1 };
  const [kept, archived] = await Promise.all([
    engine.readHistory(channel, before, 1),
    archive.read(channel, head - 1, 1, 1),
  ]);
  const [last] = kept.kind === 'events' ? kept.events : [];
  const [same] = archived?.log.id === log.id ? archived.events : [];
  return last?.offset === head && same?.offset === head && sameEvent(last, same);
}

export class ReturningChannel {
  readonly channel: Channel;
  readonly log: ArchivedLog;
  readonly #reducer: Reducer;
  readonly #fold: number | undefined;
  readonly #state: Map<string, StateField>;
  #stateBytes = 0;
  /** Of the store; null while it does not have the channel. */
  #head: number | null;
  /** What is to be put back next. */
  #events: Event[] = [];
  #fields = new Map<string, StateField>();
  #seqs = new Map<string, number>();

  /** @param state From now on it is this one's. */
  constructor(
    { channel, head, log }: LostLog,
    { fold }: Pick<LoadedChannel, 'fold'>,
    reducer: Reducer,
    state: Map<string, StateField>,
  ) {
    this.channel = channel;
    this.log = log;
    this.#head = head;
    this.#fold = fold;
    this.#reducer = reducer;
    this.#state = state;
    for (const [field, { bytes }] of state) this.#stateBytes += fieldBytes(field, bytes);
  }

  /** Up to where it is there, or taken. */
  get offset(): number {
    return this.#events.at(-1)?.offset ?? this.#head ?? this.log.base;
  }

  /** Takes the event that follows. */
  add(event: Event): void {
    const { offset, from, seq } = event;
    this.#events.push(event);
    if (seq > 0) this.#seqs.set(from, seq);
    // It is in no state, and nobody's.
    if (isErased(event)) return;
    for (const { field, bytes } of this.#reducer.apply(this.#state, event)) {
      const before = this.#state.get(field);
      this.#stateBytes += fieldBytes(field, bytes) - (before ? fieldBytes(field, before.bytes) : 0);
      this.#state.set(field, { offset, bytes });
      this.#fields.set(field, { offset, bytes });
    }
  }

  /** What was taken since this was called last; null for nothing. It is as if the store had it from then on. */
  cut(): RefilledChannel | null {
    if (this.#events.length === 0) return null;
    const refilled: RefilledChannel = {
      channel: this.channel,
      head: this.#head,
      events: this.#events,
      reducer: this.#reducer.name,
      ...(this.#fold !== undefined && { fold: this.#fold }),
      state: this.#fields,
      stateBytes: this.#stateBytes,
      seqs: this.#seqs,
      archivedFrom: this.log.oldest,
    };
    this.#head = this.offset;
    this.#events = [];
    this.#fields = new Map();
    this.#seqs = new Map();
    return refilled;
  }
}
