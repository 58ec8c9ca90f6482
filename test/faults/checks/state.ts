/** I8: a state, and every snapshot a reader was given, is the fold of the events up to its cursor. */
import { base64 } from '../history.ts';
import type { Log, Model } from '../model.ts';
import { parseCursor } from '../model.ts';
import { type Check, shown, type Violation } from './check.ts';

type Fields = Readonly<Record<string, string>>;

/** Written anew from the documentation of the reducers, not shared with them. Channels tell by their names. */
function foldOf(log: Log, upTo: number): Fields {
  const fields: Record<string, string> = {};
  const kind = log.channel.split('-', 1)[0];
  for (const { offset, from, body } of log.events) {
    if (offset > upTo) break;
    if (kind === 'latest') fields[from === '' ? '-' : from.split(/[.~]/, 1)[0]!] = body;
    if (kind === 'tally') {
      const field = tallyField(Buffer.from(body, 'base64'));
      fields[field] = base64(String(Number(Buffer.from(fields[field] ?? base64('0'), 'base64').toString()) + 1));
    }
  }
  return fields;
}

function tallyField(bytes: Buffer): string {
  const isText = Buffer.from(bytes.toString()).equals(bytes);
  return isText && bytes[0] !== 0x7e ? bytes.toString() : `~${bytes.toString('base64')}`;
}

interface SnapshotData {
  readonly channel: string;
  readonly cursor: string;
  readonly state?: Readonly<Record<string, string>>;
  readonly b64?: Readonly<Record<string, string>>;
}

/** Fields of a `/state` answer or a `$snapshot`, all in base64. */
export function fieldsOf({ state = {}, b64 = {} }: Pick<SnapshotData, 'state' | 'b64'>): Record<string, string> {
  return { ...Object.fromEntries(Object.entries(state).map(([name, text]) => [name, base64(text)])), ...b64 };
}

export const stateIsFold: Check = function* (model: Model): Iterable<Violation> {
  for (const { channel, cursor, fields } of model.states) {
    const log = model.logs.get(channel);
    const { prefix, offsets } = parseCursor(cursor);
    if (!log || prefix !== log.epoch || offsets[0] !== log.head) {
      const what = `the final state of ${channel} is at ${cursor}, its log at ${log?.epoch}.${log?.head}`;
      yield { invariant: 'I8', what, context: [] };
    } else {
      yield* compare(`the final state of ${channel}`, fields, foldOf(log, log.head));
    }
  }
  for (const [reader, lines] of model.readers) {
    for (const line of lines) {
      if (line.t !== 'told' || line.event !== '$snapshot') continue;
      const data = line.data as SnapshotData;
      const log = model.logs.get(data.channel);
      const { prefix, offsets } = parseCursor(data.cursor);
      // Of another epoch nobody has the whole log any more; above 16 KiB the state is not in the frame.
      if (!log || prefix !== log.epoch || !data.state) continue;
      const name = `the $snapshot of ${data.channel} at ${data.cursor} that ${reader} was given at ${line.at}`;
      yield* compare(name, fieldsOf(data), foldOf(log, offsets[0]!));
    }
  }
};

function* compare(name: string, found: Fields, folded: Fields): Iterable<Violation> {
  for (const field of new Set([...Object.keys(found), ...Object.keys(folded)])) {
    if (found[field] === folded[field]) continue;
    const [has, should] = [found[field], folded[field]].map((body) => (body === undefined ? 'nothing' : shown(body)));
    yield { invariant: 'I8', what: `${name}: field ${field} is ${has}, the fold is ${should}`, context: [] };
  }
}
