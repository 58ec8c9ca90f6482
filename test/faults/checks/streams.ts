/**
 * I4 and I10: what a reader is given over all its connections is contiguous and ascending, or it is told `reset`; and
 * five seconds after the last fault it is at the head.
 *
 * A reader's position moves by an event, or by a cursor that a control frame or a poll gives it: that is a claim that
 * everything up to there was given. Only a channel that is still empty moves on without events. A repeat is allowed on
 * the wire directly after a resume, a `reset` only once Redis was given back older data, or another took its place. Then a
 * reader may also be told `resumed` and go on in another epoch from the same offset: if all that it was given is in that one's log.
 */
import type { Model, ReaderLine } from '../model.ts';
import { parseCursor } from '../model.ts';
import { textOf } from './agreement.ts';
import { around, type Check, type Violation } from './check.ts';

/** I10. */
export const SETTLE_MS = 5_000;

interface Place {
  prefix: string;
  offset: number;
}

/**
 * The lowest offset known of (channel, epoch): below it a channel was empty.
 *
 * The cursors of several channels name their epochs by a digest. The one a reader ends with is that of the final logs. Any
 * other is of epochs that were lost, of which nothing is known but what readers were given under the same digest.
 */
class Firsts {
  readonly #firsts = new Map<string, number>();
  readonly #model: Model;

  constructor(model: Model) {
    this.#model = model;
    for (const { channel, epoch, events } of model.logs.values())
      if (events[0]) this.#note(channel, epoch, events[0].offset);
    for (const lines of model.readers.values()) {
      const finalPrefix = lastPrefixOf(lines);
      let channels: readonly string[] = [];
      for (const line of lines) {
        if (line.t === 'open') channels = line.channels;
        if (line.t !== 'event') continue;
        const { prefix, offsets } = parseCursor(line.cursor);
        if (offsets.length === 1 || prefix !== finalPrefix) {
          this.#note(line.channel, prefix, offsets[channels.indexOf(line.channel)]!);
        }
      }
    }
  }

  #note(channel: string, epoch: string, offset: number): void {
    const key = `${channel} ${epoch}`;
    this.#firsts.set(key, Math.min(offset, this.#firsts.get(key) ?? offset));
  }

  /** Of its last cursor. */
  lastPrefixOf(reader: string): string | undefined {
    return lastPrefixOf(this.#model.readers.get(reader) ?? []);
  }

  of(channel: string, prefix: string): number {
    const known = this.#firsts.get(`${channel} ${prefix}`);
    if (known !== undefined) return known;
    const log = this.#model.logs.get(channel);
    return log?.events[0]?.offset ?? Number.POSITIVE_INFINITY;
  }
}

function lastPrefixOf(lines: readonly ReaderLine[]): string | undefined {
  const last = lines.findLast((line) => 'cursor' in line && line.cursor !== '');
  return last && 'cursor' in last ? parseCursor(last.cursor).prefix : undefined;
}

class ReaderCheck {
  readonly #reader: string;
  readonly #model: Model;
  readonly #firsts: Firsts;
  #channels: readonly string[] = [];
  readonly places = new Map<string, Place>();
  /** By channel, since it was reset: offset -> what it was given there. */
  readonly #given = new Map<string, Map<number, string>>();
  /** Nothing was given on this connection yet. */
  #isFirst = true;
  #isSynced = false;
  #isReset = false;
  #isResumed = false;
  #opened = '';

  constructor(reader: string, model: Model, firsts: Firsts) {
    this.#reader = reader;
    this.#model = model;
    this.#firsts = firsts;
  }

  *take(line: ReaderLine): Iterable<Violation> {
    if (line.t === 'open') {
      this.#channels = line.channels;
      this.#isFirst = true;
      this.#isSynced = false;
      this.#isReset = false;
      this.#isResumed = false;
      this.#opened = line.cursor;
      // What it comes with it was given: a reader whose cursor is ahead of its events has missed some.
      if (line.cursor !== '') yield* this.#claim(line, line.cursor);
    } else if (line.t === 'told') {
      if (line.event === '$sync') yield* this.#sync(line);
      if (line.cursor !== '') yield* this.#claim(line, line.cursor);
    } else if (line.t === 'at') {
      yield* this.#claim(line, line.cursor);
    } else if (line.t === 'event') {
      yield* this.#event(line);
    } else if (line.forEver) {
      yield this.#wrong(line, `its connection was closed for ever: ${line.why}`);
    }
  }

  #goTo(cursor: string): void {
    const { prefix, offsets } = parseCursor(cursor);
    for (const [i, channel] of this.#channels.entries()) this.places.set(channel, { prefix, offset: offsets[i]! });
  }

  *#sync(line: ReaderLine & { t: 'told' }): Iterable<Violation> {
    const { status } = line.data as { status: string };
    if (status === 'degraded' || status === 'recovered') return;
    const isFirst = !this.#isSynced;
    this.#isSynced = true;
    this.#isResumed = status === 'resumed';
    if (status === 'reset') {
      this.#isReset = true;
      if (!this.#mayBeLost(line) && !isOfArchive(line)) yield this.#wrong(line, 'told reset, though nothing was lost');
    } else if (!isFirst && !(status === 'resumed' && this.#mayBeLost(line))) {
      yield this.#wrong(line, `$sync ${status} in mid-stream`);
    } else if (isFirst && (status === 'fresh') !== (this.#opened === '')) {
      yield this.#wrong(line, `came with ${this.#opened || 'nothing'} and was told ${status}`);
    }
  }

  *#claim(line: ReaderLine, cursor: string): Iterable<Violation> {
    const before = new Map(Array.from(this.places, ([channel, place]) => [channel, { ...place }]));
    this.#goTo(cursor);
    const wasReset = this.#isReset;
    this.#isReset = false;
    if (wasReset) this.#given.clear();
    if (wasReset || before.size === 0) return;
    for (const channel of this.#channels) {
      yield* this.#compare(line, channel, before.get(channel)!, this.places.get(channel)!, false);
    }
  }

  *#event(line: ReaderLine & { t: 'event' }): Iterable<Violation> {
    if (!this.#isSynced) yield this.#wrong(line, 'an event before any $sync (P11)');
    this.#isSynced = true;
    if (this.#isReset) yield this.#wrong(line, 'an event after a reset, before the cursor that belongs to it');
    this.#isReset = false;
    const before = new Map(this.places);
    this.#goTo(line.cursor);
    for (const channel of this.#channels) {
      const was = before.get(channel);
      if (was) yield* this.#compare(line, channel, was, this.places.get(channel)!, channel === line.channel);
    }
    this.#isFirst = false;
    const given = this.#given.get(line.channel) ?? new Map<number, string>();
    this.#given.set(line.channel, given.set(this.places.get(line.channel)!.offset, textOf(line)));
  }

  *#compare(line: ReaderLine, channel: string, was: Place, is: Place, byEvent: boolean): Iterable<Violation> {
    const follows = is.offset === was.offset + (byEvent ? 1 : 0);
    if (was.prefix !== is.prefix && follows && this.#isResumed && this.#mayBeLost(line)) {
      yield* this.#kept(line, channel, is);
    } else if (was.prefix !== is.prefix) {
      yield this.#wrong(line, `went from ${was.prefix} to ${is.prefix} without a reset`, channel, is.offset);
    } else if (is.offset < was.offset + (byEvent ? 1 : 0)) {
      if (!this.#isFirst) yield this.#wrong(line, `a repeat: ${is.offset} after ${was.offset}`, channel, is.offset);
    } else if (is.offset > was.offset + (byEvent ? 1 : 0)) {
      const first = this.#firsts.of(channel, is.prefix);
      const wasEmpty = byEvent ? is.offset === first : is.offset < first;
      if (!wasEmpty) yield this.#wrong(line, `a skip: ${is.offset} after ${was.offset}`, channel, was.offset + 1);
    }
  }

  #mayBeLost({ at }: ReaderLine): boolean {
    return this.#model.losses.some(({ since }) => since <= at);
  }

  /** What a reader keeps that goes on in the epoch that was the last one, is in its log. */
  *#kept(line: ReaderLine, channel: string, is: Place): Iterable<Violation> {
    const log = this.#model.logs.get(channel);
    const last = this.#channels.length === 1 ? log?.epoch : this.#firsts.lastPrefixOf(this.#reader);
    if (!log || is.prefix !== last) return;
    const texts = new Map(log.events.map((event) => [event.offset, textOf(event)]));
    const oldest = log.events[0]?.offset ?? Number.POSITIVE_INFINITY;
    for (const [offset, text] of this.#given.get(channel) ?? []) {
      if (offset < oldest || offset > is.offset || texts.get(offset) === text) continue;
      const what = `goes on in ${is.prefix} with ${text} at ${offset}, where its log has ${texts.get(offset) ?? 'nothing'}`;
      yield this.#wrong(line, what, channel, offset);
    }
  }

  #wrong(line: ReaderLine, problem: string, channel = this.#channels.join(), offset?: number): Violation {
    const lines = this.#model.readers.get(this.#reader)!;
    const index = lines.indexOf(line);
    const near = lines.slice(Math.max(0, index - 4), index + 3).map((near) => {
      return `${near === line ? '>' : ' '} ${JSON.stringify(near).slice(0, 200)}`;
    });
    const log = offset === undefined ? [] : around(this.#model.logs.get(channel), offset);
    const what = `${this.#reader} on ${channel}, connection ${line.connection}, at ${line.at}: ${problem}`;
    return { invariant: 'I4', what, context: [...near, ...log] };
  }
}

/** What it missed is in an archive that does not answer, as it was told. */
function isOfArchive({ data }: ReaderLine & { t: 'told' }): boolean {
  const { channels = {} } = data as { channels?: Readonly<Record<string, { status: string; reason?: string }>> };
  const resets = Object.values(channels).filter(({ status }) => status === 'reset');
  return resets.length > 0 && resets.every(({ reason }) => reason === 'archive_away');
}

export const contiguous: Check = function* (model: Model): Iterable<Violation> {
  const firsts = new Firsts(model);
  for (const [reader, lines] of model.readers) {
    const check = new ReaderCheck(reader, model, firsts);
    for (const line of lines) yield* check.take(line);
  }
};

export const atHead: Check = function* (model: Model): Iterable<Violation> {
  if (model.quietAt === undefined) return;
  const until = model.quietAt + SETTLE_MS;
  const firsts = new Firsts(model);
  for (const [reader, lines] of model.readers) {
    const check = new ReaderCheck(reader, model, firsts);
    const inTime = lines.filter(({ at }) => at <= until);
    for (const line of inTime) for (const _ of check.take(line));
    const opened = lines.find((line) => line.t === 'open');
    for (const channel of opened?.channels ?? []) {
      const log = model.logs.get(channel);
      const place = check.places.get(channel);
      const isSame = opened!.channels.length > 1 || place?.prefix === log?.epoch;
      // An empty channel's head is its shard's, and a stream without events need not be told of it.
      if (!log || log.events.length === 0 || (isSame && place?.offset === log.head)) continue;
      const where = place ? `${place.prefix}.${place.offset}` : 'nowhere';
      const what = `${reader} on ${channel} is at ${where} at ${until}, the head is ${log.epoch}.${log.head}`;
      const last = inTime.slice(-3).map((line) => `  ${JSON.stringify(line).slice(0, 200)}`);
      const later = lines
        .slice(inTime.length, inTime.length + 3)
        .map((line) => `> ${JSON.stringify(line).slice(0, 200)}`);
      yield { invariant: 'I10', what, context: [...last, ...later, ...around(log, place?.offset ?? 0)] };
    }
  }
};
