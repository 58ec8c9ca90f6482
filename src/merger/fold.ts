/**
 * The fold: a batch of inbox entries and what is known of their channels become one commit. No I/O, no time.
 *
 * Here a repeat is dropped (`seq` not above the last merged one), a reducer decides, an event gets its offset, and the
 * state moves. Every outcome advances the publisher's last seq, so that a change is decided upon exactly once.
 */
import type { Change } from '../domain/change.ts';
import type { Channel } from '../domain/channel.ts';
import type { Event, EventBody } from '../domain/event.ts';
import { type FieldChange, fieldBytes, type StateField } from '../domain/state.ts';
import type { ChannelCommit } from '../engine/engine.ts';
import type { Known } from './known.ts';
import { type KnownChannel, NOTHING } from './known-channel.ts';
import type { ReadableEntry } from './readable.ts';
import type { ReducerFor } from './reducers/patterns.ts';
import type { Reducer } from './reducers/reducer.ts';

export type Outcome = 'event' | 'absorbed' | 'refused' | 'repeat' | 'unreadable';

export interface Fold {
  readonly channels: readonly ChannelCommit[];
  readonly unreadable: readonly Uint8Array[];
  readonly outcomes: Readonly<Record<Outcome, number>>;
  /** Reducers that threw, by name: the change was refused, the operator is to know. */
  readonly failures: readonly { readonly reducer: string; readonly error: unknown }[];
}

export interface FoldDeps {
  readonly reducerFor: ReducerFor;
  /** Above this the state of a channel does not grow: the change that would is refused. */
  readonly stateMaxBytes: number;
}

interface Draft {
  readonly head: number | null;
  readonly known: KnownChannel;
  readonly reducer: Reducer;
  readonly events: Event[];
  /** Null while there is none to write, as in most. */
  state: Map<string, StateField> | null;
  seqs: Map<string, number> | null;
}

/** @param events How many events the shard had made: where a channel that does not exist yet begins. */
export function fold(entries: readonly ReadableEntry[], known: Known, events: number, deps: FoldDeps): Fold {
  const drafts = new Map<Channel, Draft>();
  const unreadable: Uint8Array[] = [];
  const failures: { reducer: string; error: unknown }[] = [];
  const outcomes = { event: 0, absorbed: 0, refused: 0, repeat: 0, unreadable: 0 };

  function draftOf(channel: Channel): Draft {
    let draft = drafts.get(channel);
    if (!draft) {
      const of = known.get(channel)!;
      const reducer = of.kept ?? deps.reducerFor(channel);
      draft = { head: of.head, known: of, reducer, events: [], state: null, seqs: null };
      drafts.set(channel, draft);
    }
    return draft;
  }

  function decide(draft: Draft, change: Change): Outcome {
    const { known: of, reducer } = draft;
    if (change.seq > 0) {
      if (change.seq <= (of.seqs.get(change.from) ?? 0)) return 'repeat';
      of.setSeq(change.from, change.seq);
      draft.seqs ??= new Map();
      draft.seqs.set(change.from, change.seq);
    }
    // Erased while it waited: its seq counts, and no more.
    if (change.bytes.length === 0) return 'absorbed';
    try {
      const verdict = reducer.reduce(of.state, change);
      if (verdict.kind !== 'event') return verdict.kind;
      const body = bodyOf(change, verdict.bytes);
      return advance(draft, body, reducer.apply(of.state, body)) ? 'event' : 'refused';
    } catch (error) {
      failures.push({ reducer: reducer.name, error });
      return 'refused';
    }
  }

  /** The event takes the next offset and moves the state; false when the state may not grow that far. */
  function advance(draft: Draft, body: EventBody, changes: readonly FieldChange[]): boolean {
    const of = draft.known;
    const grown = changes.reduce((sum, { field, bytes }) => {
      const before = of.state.get(field);
      return sum + fieldBytes(field, bytes) - (before ? fieldBytes(field, before.bytes) : 0);
    }, of.stateBytes);
    if (grown > deps.stateMaxBytes && grown > of.stateBytes) return false;
    const offset = (of.head ?? events) + 1;
    of.head = offset;
    of.stateBytes = grown;
    draft.events.push({ offset, ...body });
    for (const { field, bytes } of changes) {
      of.setField(field, { offset, bytes });
      draft.state ??= new Map();
      draft.state.set(field, { offset, bytes });
    }
    return true;
  }

  for (const entry of entries) {
    if (entry.kind === 'unreadable') {
      unreadable.push(entry.raw);
      outcomes.unreadable++;
    } else {
      outcomes[decide(draftOf(entry.change.channel), entry.change)]++;
    }
  }
  const channels = Array.from(
    drafts,
    ([channel, { head, known: of, reducer, events, state, seqs }]): ChannelCommit => ({
      channel,
      head,
      events,
      reducer: reducer.name,
      ...foldOf(of, events.length > 0),
      state: state ?? NOTHING,
      stateBytes: of.stateBytes,
      seqs: seqs ?? NOTHING,
    }),
  );
  return { channels, unreadable, outcomes, failures };
}

/** A state begun anew is written with the first event that it is the fold of. */
function foldOf(of: KnownChannel, hasEvents: boolean): Pick<ChannelCommit, 'fold' | 'refold'> {
  const { fold, refold } = of;
  if (refold === null || !hasEvents) return { fold };
  of.fold = refold;
  of.refold = null;
  return { fold, refold };
}

function bodyOf({ from, seq, acceptedMs: atMs, trace }: Change, bytes: Uint8Array): EventBody {
  const body = { from, seq, atMs, bytes };
  return trace === undefined ? body : { ...body, trace };
}
