/** I6 and I7: per publisher in the order of seq, and what was answered before another was sent comes first. */
import type { Model } from '../model.ts';
import { keyOf } from '../model.ts';
import { around, type Check, describe, type Violation } from './check.ts';

export const inOrderOfSeq: Check = function* ({ logs }: Model): Iterable<Violation> {
  for (const log of logs.values()) {
    const last = new Map<string, number>();
    for (const { from, seq, offset } of log.events) {
      if (seq === 0) continue;
      const before = last.get(from) ?? 0;
      if (seq <= before) {
        const what = `${log.channel}: ${from} ${seq} comes at offset ${offset}, after ${before}`;
        yield { invariant: 'I6', what, context: around(log, offset) };
      }
      last.set(from, seq);
    }
  }
};

/** From the newest event back: nothing that was answered before this one was sent may have come later. */
export const inRealTime: Check = function* (model: Model): Iterable<Violation> {
  for (const log of model.logs.values()) {
    let answered: { at: number; offset: number; text: string } | undefined;
    for (const event of log.events.toReversed()) {
      const change = model.changes.get(keyOf(log.channel, event));
      if (!change) continue;
      if (answered && answered.at < change.sentAt) {
        const what = `${log.channel}: ${describe(change)} is at offset ${event.offset}, before ${answered.text}`;
        yield { invariant: 'I7', what, context: [...around(log, event.offset), ...around(log, answered.offset)] };
      }
      if (change.okAt !== undefined && (!answered || change.okAt < answered.at)) {
        answered = { at: change.okAt, offset: event.offset, text: `${describe(change)} at offset ${event.offset}` };
      }
    }
  }
};
