/**
 * Where a reader starts: whatever it brings, there is a defined answer for each of its channels (P13).
 *
 *   fresh    it brought nothing: live from now on
 *   resumed  what it has missed follows
 *   reset    what it brought cannot be honoured: the state follows, and the events after it
 *
 * Nothing it brings is an error, and nothing is answered `reset` before the store itself has said so.
 */
import type { Clock } from '../../clock.ts';
import { type ParsedCursor, parseCursor, parsePosition, resolveCursor } from '../../domain/cursor.ts';
import type { Position } from '../../domain/position.ts';
import type { Engine, Snapshot } from '../../engine/engine.ts';
import { EngineUnavailable } from '../../errors.ts';
import type { Hub } from '../hub/hub.ts';
import type { HubGap } from '../hub/hub-page.ts';
import { windowStart } from './window.ts';

export type ChannelStart =
  | { readonly status: 'fresh'; readonly position: Position; readonly snapshot?: Snapshot }
  | { readonly status: 'resumed'; readonly position: Position; readonly missed: number }
  | {
      readonly status: 'reset';
      readonly position: Position;
      readonly lost: number | null;
      readonly snapshot: Snapshot;
    };

export type Reset = ChannelStart & { readonly status: 'reset' };

export type Status = ChannelStart['status'];

export interface StartWish {
  readonly since: string | undefined;
  readonly isLastEventId: boolean;
  readonly snapshot: boolean;
}

export interface StartDeps {
  readonly engine: Engine;
  readonly clock: Clock;
}

export async function findStart(deps: StartDeps, hubs: readonly Hub[], wish: StartWish): Promise<ChannelStart[]> {
  const { since, isLastEventId } = wish;
  if (hubs.some((hub) => hub.isStoreAway)) throw new EngineUnavailable('the store is away');
  if (since === undefined || (!isLastEventId && since === 'now')) {
    return Promise.all(hubs.map((hub) => startFresh(hub, wish.snapshot)));
  }
  const window = isLastEventId ? undefined : parseWindow(since);
  if (window !== undefined) return Promise.all(hubs.map((hub) => startInWindow(deps, hub, window)));
  const positions = await positionsOf(since, hubs);
  return Promise.all(hubs.map((hub, i) => resume(hub, positions[i])));
}

/**
 * What there is for a reader whose position could not be kept: the state as it is now, and how many events lie between,
 * which it will never see; null when the position says nothing about this log.
 */
export async function startOver(hub: Hub, from: Position | undefined, gap?: HubGap): Promise<Reset> {
  return resetAt(await hub.snapshot(), from, gap);
}

/** The same from a state that was read before. */
export function resetAt(snapshot: Snapshot, from: Position | undefined, gap?: HubGap): Reset {
  const { epoch, offset } = snapshot;
  const isCounted = from && gap?.reason === 'trimmed' && gap.log.epoch === epoch;
  const lost = isCounted ? offset - Math.max(from.offset, gap.log.base) : null;
  return { status: 'reset', position: { epoch, offset }, lost, snapshot };
}

async function startFresh(hub: Hub, withSnapshot: boolean): Promise<ChannelStart> {
  if (!withSnapshot) return { status: 'fresh', position: { epoch: hub.epoch, offset: hub.head } };
  const snapshot = await hub.snapshot();
  return { status: 'fresh', position: { epoch: snapshot.epoch, offset: snapshot.offset }, snapshot };
}

async function resume(hub: Hub, position: Position | undefined): Promise<ChannelStart> {
  if (!position) return startOver(hub, undefined);
  const page = await hub.page(position);
  if (page.kind === 'gap') return startOver(hub, position, page);
  const first = page.events[0];
  return { status: 'resumed', position, missed: first ? hub.head - first.offset + 1 : 0 };
}

async function positionsOf(text: string, hubs: readonly Hub[]): Promise<(Position | undefined)[]> {
  if (hubs.length === 1) return [parsePosition(text, hubs[0]!.channel)];
  const cursor = parseCursor(text, hubs.length);
  return (cursor && (await resolveAll(cursor, hubs))) ?? [];
}

/** A cursor of several channels names their epochs by a digest: one that does not fit may be ahead of what we know. */
async function resolveAll(cursor: ParsedCursor, hubs: readonly Hub[]): Promise<Position[] | undefined> {
  const channels = hubs.map(({ channel }) => channel);
  const epochs = () => hubs.map(({ epoch }) => epoch);
  const positions = resolveCursor(cursor, channels, epochs());
  if (positions) return positions;
  await Promise.all(hubs.map((hub) => hub.repaired()));
  return resolveCursor(cursor, channels, epochs());
}

const unitMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `earliest`, or a duration such as `10m`: how far back, milliseconds. Undefined for anything else. */
function parseWindow(text: string): number | undefined {
  if (text === 'earliest') return Number.POSITIVE_INFINITY;
  const [, count, unit] = /^([0-9]{1,9})([smhd])$/.exec(text) ?? [];
  return count === undefined ? undefined : Number(count) * unitMs[unit!]!;
}

/** Before the first kept event that was merged within the window. */
async function startInWindow({ engine, clock }: StartDeps, hub: Hub, windowMs: number): Promise<ChannelStart> {
  return resume(hub, await windowStart(engine, hub, windowMs, clock.wallMs()));
}
