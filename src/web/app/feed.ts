/**
 * What a room has brought, newest last: events, and notes between them that say what happened. Bounded; who shows it is told what changed.
 *
 * An event that had been there before the connection began came while nobody was here: a note in front of the first of them counts them.
 */

export interface EventRow {
  /** Higher than those of all rows before it. */
  readonly key: number;
  readonly id: string;
  readonly text: string;
  readonly from?: string | undefined;
  readonly at?: number | undefined;
  readonly isOwn: boolean;
}

export interface NoteRow {
  readonly key: number;
  note: string;
}

export type Row = EventRow | NoteRow;

/** Shown at once; the oldest go. */
export const ROWS_MAX = 200;

/** Why events were missed. */
export type Absence = 'person' | 'connection';

function missedNote(count: number, absence: Absence): string {
  return `${count} came while ${absence === 'person' ? 'you were away' : 'the connection was gone'}`;
}

export interface Feed {
  readonly rows: readonly Row[];
  /** Empties it, and begins with what was kept. */
  begin(rows: readonly Omit<EventRow, 'key'>[]): void;
  add(row: Omit<EventRow, 'key'>): void;
  /** As `add`, and counted. */
  addMissed(row: Omit<EventRow, 'key'>, absence: Absence): void;
  /** What is missed from now on has a note of its own. */
  newAbsence(): void;
  note(text: string): void;
}

export function createFeed(changed: () => void): Feed {
  const rows: Row[] = [];
  let keys = 0;
  let missed: NoteRow | undefined;
  let count = 0;

  function push<T extends Row>(make: (key: number) => T): T {
    const row = make(++keys);
    rows.push(row);
    if (rows.length > ROWS_MAX) rows.shift();
    changed();
    return row;
  }

  const add = (row: Omit<EventRow, 'key'>) => push((key) => ({ ...row, key }));

  function newAbsence(): void {
    missed = undefined;
    count = 0;
  }

  return {
    rows,
    begin(kept) {
      rows.length = 0;
      newAbsence();
      for (const row of kept) add(row);
      changed();
    },
    add,
    addMissed(row, absence) {
      const note = missedNote(++count, absence);
      missed ??= push<NoteRow>((key) => ({ key, note }));
      missed.note = note;
      add(row);
    },
    newAbsence,
    note(text) {
      push<NoteRow>((key) => ({ key, note: text }));
    },
  };
}
