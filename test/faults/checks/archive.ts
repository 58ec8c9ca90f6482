/**
 * I9: the archive has each log whole, and the same as everybody was given. Where histories are short the final log is itself read
 * from there, so that an event that was trimmed before it was archived is missing in it (I1).
 */
import { type Model, publisherOf } from '../model.ts';
import { around, type Check, shown, type Violation } from './check.ts';

export const archived: Check = function* (model: Model): Iterable<Violation> {
  for (const { channel, head, events, faults } of model.archives) {
    const log = model.logs.get(channel);
    const wrong = (what: string, offset = head): Violation => ({
      invariant: 'I9',
      what: `${channel}: ${what}`,
      context: around(log, offset),
    });
    for (const fault of faults) yield wrong(fault);
    if (!log || log.events.length === 0) continue;
    if (head !== log.head) yield wrong(`it is archived up to ${head}, and not to ${log.head}`);
    const own = new Map(log.events.map((event) => [event.offset, event]));
    for (const { offset, from, seq, body } of events) {
      const other = own.get(offset);
      if (other === undefined) continue;
      if (other.seq === seq && other.body === body && publisherOf(other.from) === publisherOf(from)) continue;
      yield wrong(`${offset} is archived as ${from || '-'} ${seq} ${shown(body)}`, offset);
    }
    const first = events[0]?.offset ?? head + 1;
    if (model.losses.length === 0 && first > log.events[0]!.offset) yield wrong(`it begins with ${first}`, first);
  }
};
