/** What an erasure comes to, of one channel of a shard (`../erasing.ts`): worked out here, taken by `steps.ts`. */
import { isOf } from '../../domain/change.ts';
import type { Channel } from '../../domain/channel.ts';
import { type Event, erasedForm } from '../../domain/event.ts';
import { nameTag } from '../../domain/name-tag.ts';
import { fieldBytes, type StateField } from '../../domain/state.ts';
import type { Commit } from '../engine.ts';
import type { Erased, Erasure } from '../erasing.ts';
import type { Log, Shard } from './shard.ts';

const DIGITS = /^[0-9]+$/;

export interface ErasePlan {
  readonly channel: Channel;
  /** As they are from now on. */
  readonly erased: readonly Event[];
  /** Fields that are no more. */
  readonly gone: readonly string[];
  /** Up to where its events count no more; null where they do not count. */
  readonly counted: { readonly tag: string; readonly through: number } | null;
  /** Of the event that tells of it, and of the fields that count less. */
  readonly commit: Commit;
  readonly done: Erased;
}

/** Which of the events are in the history, and not erased. */
export function heldOf(shard: Shard, { channel, name, events }: Erasure): Event[] {
  const history = shard.logs.get(channel)?.history;
  const held = events.map(({ event }) => history?.at(event.offset));
  return held.filter((event) => event !== undefined && isOf(name, event.from)) as Event[];
}

/**
 * Null where nothing is to be done.
 *
 * @param found Which of its events are there, and not erased.
 */
export function planErase(shard: Shard, erasure: Erasure, found: readonly Event[]): ErasePlan | null {
  const { channel, isTold = false, atMs } = erasure;
  const log = shard.logs.get(channel);
  if (log === undefined) return null;
  const offset = log.history.head + 1;
  const tag = nameTag(erasure.name);
  const before = log.counted.get(tag) ?? 0;
  const { gone, state } = fieldsAfter(log, erasure, before, offset);
  const done = { events: found.length, fields: gone.length + state.size };
  if (done.events + done.fields === 0 && !isTold) return null;
  const { reducer, fold, history } = log;
  const tells = erasedForm({ offset, from: '', seq: 0, atMs, bytes: new Uint8Array(0) });
  const stateBytes = log.stateBytes - weigh(log, [...gone, ...state.keys()]) + weigh({ state }, [...state.keys()]);
  const its = { channel, head: history.head, events: [tells], reducer, fold, state, stateBytes, seqs: new Map() };
  const of = { token: '', rev: shard.rev, epoch: shard.epoch, entries: 0, unreadable: [] };
  const isCounted = erasure.events.some(({ countedIn }) => countedIn !== null);
  const counted = isCounted ? { tag, through: Math.max(before, erasure.through) } : null;
  return { channel, erased: found.map(erasedForm), gone, counted, commit: { ...of, channels: [its] }, done };
}

function fieldsAfter(
  { state: before }: Log,
  { events, through, field }: Erasure,
  counted: number,
  offset: number,
): { readonly gone: string[]; readonly state: Map<string, StateField> } {
  const gone: string[] = [];
  const state = new Map<string, StateField>();
  const own = field === null ? undefined : before.get(field);
  if (own !== undefined && own.offset <= through) gone.push(field!);
  const less = new Map<string, number>();
  for (const { event, countedIn } of events) {
    if (countedIn !== null && event.offset > counted) less.set(countedIn, (less.get(countedIn) ?? 0) + 1);
  }
  for (const [name, count] of less) {
    const digits = Buffer.from(before.get(name)?.bytes ?? []).toString('latin1');
    if (!DIGITS.test(digits)) continue;
    const left = Number(digits) - count;
    if (left > 0) state.set(name, { offset, bytes: Buffer.from(String(left)) });
    else gone.push(name);
  }
  return { gone, state };
}

function weigh({ state }: Pick<Log, 'state'>, names: readonly string[]): number {
  return names.reduce((sum, name) => sum + fieldBytes(name, state.get(name)!.bytes), 0);
}
