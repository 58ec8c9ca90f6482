/** I9, as far as the archive alone can tell: each log is contiguous, from its beginning to its head, and all of it can be read. */
import type { Channel } from '../../domain/channel.ts';
import type { InspectedLog, Inspection } from '../inspection.ts';

export interface Verified {
  readonly logs: number;
  readonly events: number;
  /** A sentence each. */
  readonly faults: readonly string[];
}

const LOGS_AT_ONCE = 500;
const PIECES_AT_ONCE = 64;

export async function verify(inspection: Inspection, channel: Channel | null): Promise<Verified> {
  const faults: string[] = [];
  let logs = 0;
  let events = 0;
  for (let afterId = '0'; ; ) {
    const found = await inspection.logs(channel, afterId, LOGS_AT_ONCE);
    if (found.length === 0) return { logs, events, faults };
    for (const log of found) {
      logs++;
      const told = await verifyLog(inspection, log);
      events += told.events;
      faults.push(...told.faults.map((fault) => `${log.channel}, log ${log.id}: ${fault}`));
    }
    afterId = found.at(-1)!.id;
  }
}

async function verifyLog(
  inspection: Inspection,
  { id, oldest, head }: InspectedLog,
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
      through = piece.last;
    }
  }
  if (through !== head) faults.push(`it ends with ${through}, and should with ${head}`);
  return { events, faults };
}
