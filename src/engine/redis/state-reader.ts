/**
 * A state that is read in pages and yet is exact: the snapshot at one offset, though commits go on meanwhile.
 *
 * Each page (`lua/state.lua`) brings the fields that changed since the page before, and some more of all fields. So after
 * each page, whatever was seen so far is as it was at `upTo`; and once all have been seen and `upTo` is the head, the
 * whole is. docs/adr/0010 says why that holds, and when it does not: then it begins again.
 */
import type { Epoch } from '../../domain/position.ts';
import type { StateField } from '../../domain/state.ts';
import { EngineUnavailable } from '../../errors.ts';
import type { Snapshot } from '../engine.ts';

export interface StatePage {
  readonly epoch: Epoch;
  readonly head: number;
  /** Where the channel began; null for one that does not exist. Another one: it was forgotten, and made again. */
  readonly base: number | null;
  /** Which Redis process answered: a cursor means nothing to another. */
  readonly server: string;
  /** Changes up to this offset were given; null when the store cannot tell which fields changed since the page before. */
  readonly upTo: number | null;
  /** Where to go on; `''` when all fields were given. */
  readonly cursor: string;
  readonly fields: readonly (readonly [name: string, field: StateField])[];
}

/** @param after Up to where changes were given; null for the first page. */
export type ReadPage = (cursor: string, after: number | null) => Promise<StatePage>;

/** Each begins with nothing: more of them than this are a state that cannot be read while it is changed so fast. */
const TRIES = 5;
/** Pages of changes alone, after all fields were seen: one is enough but where a round trip brings more than a page of them. */
const CLOSING_PAGES = 20;

export async function readWhole(readPage: ReadPage): Promise<Snapshot> {
  for (let tries = 0; tries < TRIES; tries++) {
    const snapshot = await readOnce(readPage);
    if (snapshot !== undefined) return snapshot;
  }
  throw new EngineUnavailable('a state changes faster than it can be read: try again');
}

async function readOnce(readPage: ReadPage): Promise<Snapshot | undefined> {
  const state = new Map<string, StateField>();
  const first = await readPage('0', null);
  let page = first;
  for (let closing = 0; closing <= CLOSING_PAGES; closing += page.cursor === '' ? 1 : 0) {
    for (const [name, field] of page.fields) state.set(name, field);
    const { epoch, head, cursor, upTo } = page;
    if (cursor === '' && upTo === head) return { epoch, offset: head, state };
    page = await readPage(cursor, upTo);
    const isTheSame = page.epoch === epoch && page.base === first.base && page.server === first.server;
    if (page.upTo === null || !isTheSame) return undefined;
  }
  return undefined;
}
