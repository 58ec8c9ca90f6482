/** Figures of a run that the invariants do not tell: how long it took to be back. */
import { quantile } from '../../loadtest/measures/quantile.ts';
import type { Line } from './history.ts';
import { publisherOf } from './model.ts';

/** In whole milliseconds, 0 of none. */
export function quantileMs(values: readonly number[], share: number): number {
  return Math.round(quantile(values, share)) || 0;
}

/** From each end of a connection to the next beginning of that reader, milliseconds. */
export function reconnectTimes(lines: readonly Line[]): number[] {
  const lost = new Map<string, number>();
  const times: number[] = [];
  for (const line of lines) {
    if (line.t === 'closed' && !lost.has(line.reader)) lost.set(line.reader, line.at);
    if (line.t !== 'open') continue;
    const since = lost.get(line.reader);
    if (since !== undefined) times.push(line.at - since);
    lost.delete(line.reader);
  }
  return times;
}

/** From the 204 of each change with a seq to its first arrival anywhere, milliseconds; 0 where the event came first. */
export function deliveryTimes(lines: readonly Line[]): number[] {
  const sent = new Map<number, string>();
  const answered = new Map<string, number>();
  const arrived = new Map<string, number>();
  for (const line of lines) {
    if (line.t === 'send' && line.seq > 0) sent.set(line.id, `${line.channel} ${publisherOf(line.from)} ${line.seq}`);
    if (line.t === 'sent' && line.outcome === 'ok') {
      const key = sent.get(line.id);
      if (key !== undefined && !answered.has(key)) answered.set(key, line.at);
    }
    if (line.t !== 'event') continue;
    const key = `${line.channel} ${publisherOf(line.from)} ${line.seq}`;
    if (!arrived.has(key)) arrived.set(key, line.at);
  }
  return Array.from(answered, ([key, at]) => Math.max(0, (arrived.get(key) ?? at) - at));
}

export function timesOf(lines: readonly Line[]): Record<string, number> {
  const back = reconnectTimes(lines);
  const delivery = deliveryTimes(lines);
  return {
    'stream back p99 ms': quantileMs(back, 0.99),
    'stream back max ms': quantileMs(back, 1),
    '204 to event p50 ms': quantileMs(delivery, 0.5),
    '204 to event p99 ms': quantileMs(delivery, 0.99),
    '204 to event max ms': quantileMs(delivery, 1),
  };
}
