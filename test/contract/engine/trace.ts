/** Contract of traces: what a change came with stays with it, and with the event that it becomes. */
import { it } from 'node:test';
import type { Event } from '../../../src/domain/event.ts';
import { change, changesOf, event, type Open, same } from './kit.ts';

const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

export function traceTests(open: Open): void {
  it('stays with a change until it is merged', async () => {
    await using bench = await open();
    const channel = bench.channel();
    const changes = [change(channel, 'x', { from: 'a.1', seq: 1, trace: TRACE }), change(channel, 'y')];
    await bench.engine.append(changes);
    same(changesOf(await bench.peek()), changes);
  });

  it('stays with an event, published and read', async () => {
    await using bench = await open();
    const channel = bench.channel();
    const heard: Event[] = [];
    const observer = { published: (_: string, events: readonly Event[]) => void heard.push(...events), suspect() {} };
    await bench.engine.subscribe(channel, observer);
    const { head } = await bench.bounds(channel);
    const events = [event(head + 1, 'x', { trace: TRACE }), event(head + 2, 'y')];
    await bench.commit(0, [{ channel, events }]);
    await bench.until('it to be published', () => heard.length === 2);
    same(heard, events);
    const page = await bench.engine.readHistory(channel, null, 10);
    same(page.kind === 'events' && page.events, events);
  });
}
