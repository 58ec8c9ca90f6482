/** A channel's events as NDJSON, the oldest first: `{"offset":…,"from":…,"seq":…,"at":…,"data":…}`, as readers see them (P16, P17). */
import type { Channel } from '../../domain/channel.ts';
import { type Event, isErased } from '../../domain/event.ts';
import { shownFrom } from '../../domain/shown-from.ts';
import type { Inspection } from '../inspection.ts';

const LOGS_MAX = 10_000;
const PIECES_AT_ONCE = 64;

/** @param write Resolves when it takes more. */
export async function exportChannel(
  inspection: Inspection,
  channel: Channel,
  write: (line: string) => Promise<void>,
): Promise<number> {
  const logs = await inspection.logs(channel, '0', LOGS_MAX);
  let count = 0;
  for (const { id } of logs.filter(({ isCurrent }) => isCurrent)) {
    for (let after = 0; ; ) {
      const pieces = await inspection.pieces(id, after, PIECES_AT_ONCE);
      if (pieces.length === 0) break;
      for (const { events } of pieces) {
        for (const event of events) await write(lineOf(event));
        count += events.length;
      }
      after = pieces.at(-1)!.last;
    }
  }
  return count;
}

function lineOf(event: Event): string {
  const { offset, from, seq, atMs, bytes } = event;
  const who = from === '' ? {} : { from: shownFrom(from), seq };
  const what = isErased(event) ? { data: '', erased: true } : contentOf(bytes);
  return `${JSON.stringify({ offset, ...who, at: atMs, ...what })}\n`;
}

function contentOf(bytes: Uint8Array): { readonly data: string } | { readonly b64: string } {
  try {
    return { data: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return { b64: Buffer.from(bytes).toString('base64') };
  }
}
