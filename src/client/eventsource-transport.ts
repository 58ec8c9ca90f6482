/**
 * The browser's own EventSource, where `fetch` does not stream: no headers, heartbeats only as events (P10), and at most answers but 200 it
 * is closed for ever. So it never comes back by itself: at its first error it is closed, and the next one is made with `since=`.
 */
import { inTurn } from './in-turn.ts';
import { eventsUrl, type Transport, type TransportDeps } from './transport.ts';

interface Source {
  onerror: unknown;
  addEventListener(type: string, heard: (event: { readonly data: string; readonly lastEventId: string }) => void): void;
  close(): void;
}

/** Those of P19; an EventSource hears only of what it was told to listen for. */
const TYPES = ['message', '$binary', '$sync', '$snapshot', '$lagged', '$bye', '$overloaded', '$beat'];

export function createEventSourceTransport({ base }: TransportDeps): Transport {
  return {
    name: 'eventsource',
    hearsHeartbeats: true,
    open(request, sink) {
      const { EventSource } = globalThis as unknown as { EventSource: new (url: string) => Source };
      const source = new EventSource(eventsUrl(base, request, { heartbeat: 'event' }));
      const tell = inTurn(sink);
      for (const event of TYPES) {
        source.addEventListener(event, ({ data, lastEventId: id }) => {
          sink.alive();
          tell({ event, data, id });
        });
      }
      source.onerror = () => {
        source.close();
        sink.ended({ reason: 'cut' });
      };
      return () => source.close();
    },
  };
}
