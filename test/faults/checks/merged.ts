/** I1, I2, I3: what was accepted is there once, what is unknown at most once, and nothing is there that nobody sent. */
import type { Change, Model } from '../model.ts';
import { keyOf } from '../model.ts';
import { around, type Check, describe, type Violation } from './check.ts';

/** Offsets under which each change is in the final logs. */
function placesOf({ logs }: Model): Map<string, number[]> {
  const places = new Map<string, number[]>();
  for (const log of logs.values()) {
    for (const event of log.events) {
      const key = keyOf(log.channel, event);
      const known = places.get(key);
      if (known) known.push(event.offset);
      else places.set(key, [event.offset]);
    }
  }
  return places;
}

/** One that was sent again after the loss, and answered again, may not. */
function mayBeLost(model: Model, { lastOkAt = 0 }: Change): boolean {
  return model.losses.some(({ since, until }) => lastOkAt >= since && lastOkAt <= until);
}

export const acceptedOnce: Check = function* (model): Iterable<Violation> {
  const places = placesOf(model);
  for (const change of model.changes.values()) {
    if (change.okAt === undefined) continue;
    const offsets = places.get(change.key) ?? [];
    const log = model.logs.get(change.channel);
    if (offsets.length === 0 && !mayBeLost(model, change)) {
      const context = [...neighboursOf(model, change, places), ...around(log, log?.head ?? 0)];
      yield { invariant: 'I1', what: `lost: ${describe(change)}`, context };
    }
    if (offsets.length > 1) {
      const context = offsets.flatMap((offset) => around(log, offset));
      yield { invariant: 'I1', what: `merged ${offsets.length} times: ${describe(change)}`, context };
    }
  }
};

/** What else this publisher sent to the channel just before and after, and where it went. */
function neighboursOf(model: Model, change: Change, places: Map<string, number[]>): string[] {
  if (change.seq === 0) return [];
  return [change.seq - 1, change.seq + 1].flatMap((seq) => {
    const neighbour = model.changes.get(keyOf(change.channel, { ...change, seq }));
    if (!neighbour) return [];
    return [`neighbour ${describe(neighbour)} at offset ${places.get(neighbour.key)?.join(' and ') ?? 'none'}`];
  });
}

export const unknownAtMostOnce: Check = function* (model): Iterable<Violation> {
  const places = placesOf(model);
  for (const change of model.changes.values()) {
    if (change.okAt !== undefined) continue;
    const offsets = places.get(change.key) ?? [];
    const allowed = change.fails === change.tries ? 0 : 1;
    if (offsets.length <= allowed) continue;
    const context = offsets.flatMap((offset) => around(model.logs.get(change.channel), offset));
    const what = allowed === 0 ? 'refused, but merged' : `unanswered, but merged ${offsets.length} times`;
    yield { invariant: 'I2', what: `${what}: ${describe(change)}`, context };
  }
};

export const fromSomebody: Check = function* (model): Iterable<Violation> {
  for (const log of model.logs.values()) {
    for (const event of log.events) {
      const problem = problemOf(model, log.channel, event);
      if (problem) yield { invariant: 'I3', what: `the final log ${problem}`, context: around(log, event.offset) };
    }
  }
  for (const [reader, lines] of model.readers) {
    for (const line of lines) {
      if (line.t !== 'event') continue;
      const problem = problemOf(model, line.channel, line) ?? tooEarly(model, line);
      if (problem)
        yield { invariant: 'I3', what: `${reader} at ${line.at} (id ${line.cursor}) ${problem}`, context: [] };
    }
  }
};

interface Carried {
  readonly from: string;
  readonly seq: number;
  readonly body: string;
}

function problemOf(model: Model, channel: string, event: Carried): string | undefined {
  const change = model.changes.get(keyOf(channel, event));
  if (!change) return `has an event of ${channel} that nobody sent: ${event.from || '-'} ${event.seq} ${event.body}`;
  if (change.body !== event.body) return `has other bytes (${event.body}) than were sent: ${describe(change)}`;
  return undefined;
}

function tooEarly(model: Model, line: Carried & { channel: string; at: number }): string | undefined {
  const change = model.changes.get(keyOf(line.channel, line))!;
  return line.at < change.sentAt ? `was given an event before it was sent: ${describe(change)}` : undefined;
}
