/**
 * Where a reader starts: whatever it brings, there is a defined answer for each of its channels (P13).
 *
 *   fresh    it brought nothing: live from now on
 *   resumed  what it has missed follows
 *   reset    what it brought cannot be honoured: the state follows, and the events after it
 *
 * Nothing it brings is an error, and nothing is answered `reset` before the store itself has said so.
 */
import type { Clock } from '../clock.ts';
import { type ParsedCursor, parseCursor, resolveCursor } from '../domain/cursor.ts';
import type { LogBounds, Position } from '../domain/position.ts';
import type { Engine, Snapshot } from '../engine/engine.ts';
import type { Hub, HubPage } from './hub.ts';

export type ChannelStart =
  | { readonly status: 'fresh'; readonly position: Position; readonly snapshot?: Snapshot }
  | { readonly status: 'resumed'; readonly position: Position; readonly missed: number }
  | {
      readonly status: 'reset';
      readonly position: Position;
      readonly lost: number | null;
      readonly snapshot: Snapshot;
    };

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
  if (since === undefined || (!isLastEventId && since === 'now')) {
    return Promise.all(hubs.map((hub) => startFresh(hub, wish.snapshot)));
  }
  const window = isLastEventId ? undefined : parseWindow(since);
  if (window !== undefined) return Promise.all(hubs.map((hub) => startInWindow(deps, hub, window)));
  const positions = await positionsOf(parseCursor(since, hubs.length), hubs);
  return Promise.all(hubs.map((hub, i) => resume(hub, positions?.[i])));
}

/** What happened when a position could not be kept: the state, and how many events its reader will never see. */
export async function startOver(hub: Hub, lost: number | null): Promise<ChannelStart & { status: 'reset' }> {
  const snapshot = await hub.snapshot();
  return { status: 'reset', position: { epoch: snapshot.epoch, offset: snapshot.offset }, lost, snapshot };
}

/** How many events lie between a position and the oldest kept; null when the position says nothing about this log. */
export function countLost(gap: HubPage & { kind: 'gap' }, position: Position): number | null {
  return gap.reason === 'trimmed' ? gap.log.oldest - 1 - Math.max(position.offset, gap.log.base) : null;
}

async function startFresh(hub: Hub, withSnapshot: boolean): Promise<ChannelStart> {
  if (!withSnapshot) return { status: 'fresh', position: { epoch: hub.epoch, offset: hub.head } };
  const snapshot = await hub.snapshot();
  return { status: 'fresh', position: { epoch: snapshot.epoch, offset: snapshot.offset }, snapshot };
}

async function resume(hub: Hub, position: Position | undefined): Promise<ChannelStart> {
  if (!position) return startOver(hub, null);
  const page = await hub.page(position);
  if (page.kind === 'gap') return startOver(hub, countLost(page, position));
  const first = page.events[0];
  return { status: 'resumed', position, missed: first ? hub.head - first.offset + 1 : 0 };
}

/** A cursor of several channels names their epochs by a digest: one that does not fit may be ahead of what we know. */
async function positionsOf(cursor: ParsedCursor | undefined, hubs: readonly Hub[]): Promise<Position[] | undefined> {
  if (!cursor) return undefined;
  if (hubs.length === 1) return [{ epoch: cursor.prefix, offset: cursor.offsets[0]! }];
  const channels = hubs.map(({ channel }) => channel);
  const resolve = () =>
    resolveCursor(
      cursor,
      channels,
      hubs.map(({ epoch }) => epoch),
    );
  const positions = resolve();
  if (positions) return positions;
  await Promise.all(hubs.map((hub) => hub.repair()));
  return resolve();
}

const unitMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `earliest`, or a duration such as `10m`: how far back, milliseconds. Undefined for anything else. */
function parseWindow(text: string): number | undefined {
  if (text === 'earliest') return Number.POSITIVE_INFINITY;
  const [, count, unit] = /^([0-9]{1,9})([smhd])$/.exec(text) ?? [];
  return count === undefined ? undefined : Number(count) * unitMs[unit!]!;
}

/** Before the first kept event that was accepted within the window. */
async function startInWindow({ engine, clock }: StartDeps, hub: Hub, windowMs: number): Promise<ChannelStart> {
  const sinceMs = clock.wallMs() - windowMs;
  for (;;) {
    const { log } = await engine.readHistory(hub.channel, null, 0);
    const found = await firstSince(hub, log, sinceMs);
    if (found) return resume(hub, found);
  }
}

/** Undefined when the log was trimmed away underneath: look again. */
async function firstSince(hub: Hub, log: LogBounds, sinceMs: number): Promise<Position | undefined> {
  let offset = log.oldest - 1;
  if (sinceMs === Number.NEGATIVE_INFINITY) return { epoch: log.epoch, offset };
  for (;;) {
    const page = await hub.page({ epoch: log.epoch, offset });
    if (page.kind === 'gap') return undefined;
    const first = page.events.find(({ atMs }) => atMs >= sinceMs);
    if (first) return { epoch: log.epoch, offset: first.offset - 1 };
    offset = page.through;
    if (page.events.length === 0) return { epoch: log.epoch, offset };
  }
}
