/**
 * I9, as far as the archive alone can tell: each log is contiguous, from its beginning to its head, and all of it can be read. Where it
 * has states as well, each is the fold of its events.
 */
import type { Channel } from '../../domain/channel.ts';
import type { InspectedLog, Inspection } from '../inspection.ts';
import { type ApplyOf, type Folded, foldOf } from './folded.ts';

export interface Verified {
  readonly logs: number;
  readonly events: number;
  /** How many states there are that are not empty, and of how many of them it could be told. */
  readonly states: number;
  readonly folded: number;
  /** A sentence each. */
  readonly faults: readonly string[];
}

const LOGS_AT_ONCE = 500;
const PIECES_AT_ONCE = 64;

export async function verify(
  inspection: Inspection,
  channel: Channel | null,
  applyOf: ApplyOf = () => undefined,
): Promise<Verified> {
  const faults: string[] = [];
  let [logs, events, states, folded] = [0, 0, 0, 0];
  for (let afterId = '0'; ; ) {
    const found = await inspection.logs(channel, afterId, LOGS_AT_ONCE);
    if (found.length === 0) return { logs, events, states, folded, faults };
    for (const log of found) {
      logs++;
      const state = await inspection.state(log);
      const fold = state && foldOf(log, state, applyOf);
      const told = await verifyLog(inspection, log, fold);
      events += told.events;
      if (state !== null && state.fields.size > 0) {
        states++;
        if (fold !== null) folded++;
      }
      faults.push(...told.faults.map((fault) => `${log.channel}, log ${log.id}: ${fault}`));
    }
    afterId = found.at(-1)!.id;
  }
}

async function verifyLog(
  inspection: Inspection,
  { id, oldest, head }: InspectedLog,
  fold: Folded | null,
): Promise<{ events: number; faults: string[] }> {
  const faults: string[] = [];
  let events = 0;
  let through = oldest - 1;
  for (;;) {
    const pieces = await inspection.pieces(id, through, PIECES_AT_ONCE).catch((error: unknown) => {
      faults.push(`after ${through}: ${(error as Error).message}`);
      return [];
    });
    if (pieces.length === 0) break;
    for (const piece of pieces) {
      if (piece.first > through + 1) faults.push(`${through + 1} to ${piece.first - 1} are missing`);
      if (piece.first <= through) faults.push(`${piece.first} is there twice`);
      const count = piece.last - piece.first + 1;
      if (piece.events.length !== count) {
        faults.push(`${piece.first} to ${piece.last} are ${count} events, and ${piece.events.length} are there`);
      }
      events += piece.events.length;
      if (fold !== null) for (const event of piece.events) fold.take(event);
      through = piece.last;
    }
  }
  if (through !== head) faults.push(`it ends with ${through}, and should with ${head}`);
  // Of a log with holes there is no fold.
  if (fold !== null && faults.length === 0) faults.push(...fold.faults());
  return { events, faults };
}
