/**
 * The room one is in: what was seen there before, what comes now, and what came in between, which is told as such.
 */
import type { ChannelEvent, Reset, Status } from '../../client/client.ts';
import type { Announcer } from './announcer.ts';
import { offsetOf } from './beginning.ts';
import { type Absence, createFeed, type EventRow } from './feed.ts';
import { createFeedView } from './feed-view.ts';
import type { Memory } from './memory.ts';
import type { Mine } from './mine.ts';
import { nameOf } from './names.ts';
import { visibleText } from './visible-text.ts';

export interface RoomViewDeps {
  readonly memory: Memory;
  readonly mine: Mine;
  readonly announcer: Announcer;
}

export interface RoomView {
  /** @returns The cursor to go on from. */
  enter(room: string): string | undefined;
  take(event: ChannelEvent): void;
  reset(reset: Reset): void;
  note(text: string): void;
  /** What is in front of this offset had come before. */
  began(room: string, head: number): void;
  status(status: Status): void;
  save(): void;
}

/** After so long without one, what was seen is written down; and when the page goes. */
const SAVE_MS = 1_000;

export function createRoomView({ memory, mine, announcer }: RoomViewDeps): RoomView {
  const feed = createFeed(changed);
  const draw = createFeedView(() => feed);
  let room: string | undefined;
  let absence: Absence = 'person';
  /** Whether where we are was known before the connection that begins now. */
  let isKnown = false;
  /** The next answer says where a connection begins. */
  let isBeginning = true;
  let missedUpTo = -1;
  let saving: ReturnType<typeof setTimeout> | undefined;

  function changed(): void {
    draw();
    saving ??= setTimeout(save, SAVE_MS);
  }

  function save(): void {
    clearTimeout(saving);
    saving = undefined;
    // What was never heard of is not yet known to be empty.
    if (room !== undefined && isKnown) memory.save(room, feed.rows);
  }

  return {
    enter(next) {
      save();
      room = next;
      const rows = memory.recall(room);
      feed.begin(rows?.map((row) => ({ ...row, isOwn: mine.has(row.from) })) ?? []);
      absence = 'person';
      isKnown = rows !== undefined;
      isBeginning = true;
      missedUpTo = -1;
      // Of a room that was empty, all there is has come since.
      return rows?.at(-1)?.id ?? (rows && 'earliest');
    },
    take(event) {
      const isOwn = mine.isOwn(event);
      const { id, from, at } = event;
      const row: Omit<EventRow, 'key'> = { id, from, at, isOwn, text: visibleText(event.data) };
      if (offsetOf(id) <= missedUpTo && !isOwn) feed.addMissed(row, absence);
      else feed.add(row);
      if (!isOwn) announcer.heard(row.text, nameOf(from));
    },
    reset({ lost }) {
      feed.begin([]);
      missedUpTo = -1;
      feed.note(lost ? `This room was begun anew: ${lost} can never be shown` : 'This room was begun anew');
    },
    note: feed.note,
    began(where, head) {
      if (where !== room || !isBeginning) return;
      isBeginning = false;
      feed.newAbsence();
      missedUpTo = isKnown ? head : -1;
      isKnown = true;
    },
    status({ state }) {
      if (state === 'parked') absence = 'person';
      if (state === 'offline') absence = 'connection';
      if (state !== 'open') isBeginning = true;
    },
    save,
  };
}
