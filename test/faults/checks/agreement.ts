/**
 * I5: everybody who was given (channel, epoch, offset) was given the same event, and it is the one in the final log.
 *
 * Where Redis was given back older data, two events under one offset are possible until somebody who remembers has
 * told it (§3.1 renew): then only the epoch that is left in the end counts.
 */
import type { EventLine, Log, Model } from '../model.ts';
import { parseCursor } from '../model.ts';
import { around, type Check, shown, type Violation } from './check.ts';

interface Seen {
  readonly text: string;
  readonly by: string;
}

export const allAgree: Check = function* (model: Model): Iterable<Violation> {
  const isLossy = model.losses.length > 0;
  const seen = new Map<string, Seen>();
  for (const { channel, epoch, events } of model.logs.values()) {
    for (const event of events) {
      seen.set(`${channel} ${epoch} ${event.offset}`, { text: textOf(event), by: 'the final log' });
    }
  }
  for (const [reader, lines] of model.readers) {
    for (const line of lines) {
      if (line.t !== 'event') continue;
      const place = placeOf(line, model);
      const log = model.logs.get(line.channel);
      if (!place || (isLossy && place.epoch !== log?.epoch)) continue;
      const mine = { text: textOf(line), by: `${reader}, connection ${line.connection}, at ${line.at}` };
      const key = `${line.channel} ${place.epoch} ${place.offset}`;
      const other = seen.get(key);
      if (!other) seen.set(key, mine);
      if ((other && other.text !== mine.text) || (!other && isMissing(place, log))) {
        const what = `${key}: ${mine.by} was given ${mine.text}, ${other ? `${other.by} has ${other.text}` : 'the final log has none'}`;
        yield { invariant: 'I5', what, context: around(log, place.offset) };
      }
    }
  }
};

/** A cursor of several channels does not tell the epoch; where there was only ever one, it must be that. */
export function placeOf(line: EventLine, model: Model): { epoch: string; offset: number } | undefined {
  const { prefix, offsets } = parseCursor(line.cursor);
  if (offsets.length === 1) return { epoch: prefix, offset: offsets[0]! };
  const log = model.logs.get(line.channel);
  const opened = model.readers.get(line.reader)?.find(({ t }) => t === 'open');
  if (!log || model.losses.length > 0 || opened?.t !== 'open') return undefined;
  return { epoch: log.epoch, offset: offsets[opened.channels.indexOf(line.channel)]! };
}

function isMissing({ epoch }: { epoch: string }, log: Log | undefined): boolean {
  return log !== undefined && log.epoch === epoch;
}

export function textOf({ from, seq, body }: { from: string; seq: number; body: string }): string {
  return `${from || '-'} ${seq} ${shown(body)}`;
}
