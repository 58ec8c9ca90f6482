/**
 * Where a reader starts: whatever it brings, there is a defined answer for each of its channels (P13).
 *
 *   fresh    it brought nothing: live from now on
 *   resumed  what it has missed follows
 *   reset    what it brought cannot be honoured: it starts over (`reset.ts`)
 *
 * Nothing it brings is an error, and nothing is answered `reset` before the store itself has said so.
 */
import type { Clock } from '../../clock.ts';
import { type Lineage, type ParsedCursor, positionOf, resolveInLineage, resolveJoined } from '../../domain/cursor.ts';
import { gapAt, type Position } from '../../domain/position.ts';
import type { Histories, Snapshot } from '../../engine/engine.ts';
import { EngineUnavailable } from '../../errors.ts';
import type { Hub } from '../hub/hub.ts';
import type { Window } from './moment.ts';
import { type Reset, startOver } from './reset.ts';
import { type Brought, parseSince, type Since } from './since.ts';
import { logOfHub, windowStart } from './window.ts';

export type ChannelStart =
  | { readonly status: 'fresh'; readonly position: Position; readonly snapshot?: Snapshot }
  | { readonly status: 'resumed'; readonly position: Position; readonly missed: number }
  | Reset;

export type Status = ChannelStart['status'];

export interface StartWish extends Brought {
  readonly snapshot: boolean;
  /** Where it brings no cursor: the newest so many events of each channel at most (P44). Default: any number. */
  readonly limit?: number;
  /** What was before now is not for this reader, wherever it comes back to. */
  readonly isPastClosed?: boolean;
}

export interface StartDeps {
  /** Who missed more events than this starts over. Default: any number may be missed. */
  readonly replayMaxEvents?: number;
  readonly histories: Histories;
  readonly clock: Clock;
}

export async function findStart(deps: StartDeps, hubs: readonly Hub[], wish: StartWish): Promise<ChannelStart[]> {
  if (hubs.some((hub) => hub.isStoreAway)) throw new EngineUnavailable('the store is away');
  const since = parseSince(wish, hubs.length);
  if (since.kind === 'now') return Promise.all(hubs.map((hub) => startFresh(hub, wish.snapshot)));
  if (since.kind === 'window')
    return Promise.all(hubs.map((hub) => startInWindow(deps, hub, since.window, wish.limit)));
  if (wish.isPastClosed) return startAllOver(hubs, 'forbidden');
  if (since.kind === 'malformed') return startAllOver(hubs, 'malformed');
  if (since.kind === 'joined') return startJoined(deps, hubs, since, wish);
  const positions = await positionsOf(since.cursor, hubs);
  return Promise.all(hubs.map((hub, i) => resume(deps, hub, positions[i])));
}

async function startAllOver(hubs: readonly Hub[], reason: NonNullable<Reset['reason']>): Promise<Reset[]> {
  const isFromNow = reason === 'forbidden';
  const resets = await Promise.all(hubs.map((hub) => startOver(hub, { isFromNow })));
  return resets.map((reset) => ({ ...reset, reason }));
}

async function startFresh(hub: Hub, withSnapshot: boolean): Promise<ChannelStart> {
  if (!withSnapshot) return { status: 'fresh', position: { epoch: hub.epoch, offset: hub.head } };
  const snapshot = await hub.snapshot();
  return { status: 'fresh', position: { epoch: snapshot.epoch, offset: snapshot.offset }, snapshot };
}

async function resume(
  { replayMaxEvents = Number.POSITIVE_INFINITY }: Pick<StartDeps, 'replayMaxEvents'>,
  hub: Hub,
  position: Position | undefined,
): Promise<ChannelStart> {
  if (!position) return startOver(hub, {});
  if (hub.head - position.offset > replayMaxEvents) {
    const log = await hub.bounds();
    return startOver(hub, { from: position, gap: { kind: 'gap', reason: gapAt(position, log) ?? 'trimmed', log } });
  }
  const page = await hub.page(position);
  if (page.kind === 'gap') return startOver(hub, { from: position, gap: page });
  const first = page.events[0];
  const { offset } = position;
  return {
    status: 'resumed',
    position: { epoch: page.epoch, offset },
    missed: first ? hub.head - first.offset + 1 : 0,
  };
}

/** None of a channel where the cursor is of other channels or epochs. */
async function positionsOf(cursor: ParsedCursor, hubs: readonly Hub[]): Promise<readonly (Position | undefined)[]> {
  return hubs.length === 1 ? [positionOf(cursor, hubs[0]!.channel)] : ((await resolveAll(cursor, hubs)) ?? []);
}

/**
 * Each channel goes on from the cursor that is its own, and begins where it has none. But while one is left that is of no channel here, it
 * may be of one whose log was begun anew, and nobody knows of which: all that have none are told so.
 */
async function startJoined(
  deps: StartDeps,
  hubs: readonly Hub[],
  { cursors, window }: Extract<Since, { kind: 'joined' }>,
  { snapshot, limit }: StartWish,
): Promise<ChannelStart[]> {
  const channels = hubs.map(({ channel }) => channel);
  const resolve = () => resolveJoined(cursors, channels, lineagesOf(hubs));
  let found = resolve();
  if (found.hasStranger && found.positions.includes(undefined)) {
    // It may as well be ahead of what we know.
    await Promise.all(hubs.filter((_, i) => !found.positions[i]).map((hub) => hub.repaired()));
    found = resolve();
  }
  const { positions, hasStranger } = found;
  return Promise.all(
    hubs.map((hub, i) => {
      if (positions[i] || hasStranger) return resume(deps, hub, positions[i]);
      return window === undefined ? startFresh(hub, snapshot) : startInWindow(deps, hub, window, limit);
    }),
  );
}

/** A cursor of several channels names their epochs by a digest: one that does not fit may be ahead of what we know. */
async function resolveAll(cursor: ParsedCursor, hubs: readonly Hub[]): Promise<Position[] | undefined> {
  const channels = hubs.map(({ channel }) => channel);
  const positions = resolveInLineage(cursor, channels, lineagesOf(hubs));
  if (positions) return positions;
  await Promise.all(hubs.map((hub) => hub.repaired()));
  return resolveInLineage(cursor, channels, lineagesOf(hubs));
}

function lineagesOf(hubs: readonly Hub[]): Lineage[] {
  return hubs.map(({ epoch, parentEpoch }) => ({ epoch, parent: parentEpoch }));
}

/** Before the first kept event that was merged within the window, or before the newest so many. */
async function startInWindow(
  deps: StartDeps,
  hub: Hub,
  window: Window,
  limit = Number.POSITIVE_INFINITY,
): Promise<ChannelStart> {
  const { histories, clock } = deps;
  const { epoch, offset } = await windowStart(histories, logOfHub(hub), window, clock.wallMs());
  // In another epoch the hub's head says nothing.
  const newest = epoch === hub.epoch ? hub.head - limit : 0;
  return resume(deps, hub, { epoch, offset: Math.max(offset, newest) });
}
