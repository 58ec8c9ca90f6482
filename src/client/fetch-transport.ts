/** Streaming over `fetch`: sees heartbeats, can send a token, and stops reading while what it read is not taken. */
import { refusalOf } from './answer.ts';
import { createSseParser } from './sse.ts';
import { eventsUrl, readInit, type Transport, type TransportDeps } from './transport.ts';

export function createFetchTransport({ base, fetch }: TransportDeps): Transport {
  return {
    name: 'fetch',
    hearsHeartbeats: true,
    open(request, sink) {
      const ending = new AbortController();

      async function read(): Promise<void> {
        const type = 'text/event-stream';
        const response = await fetch(eventsUrl(base, request), readInit(request.headers, type, ending.signal));
        const refusal = await refusalOf(response, type);
        if (refusal) return sink.ended(refusal);
        if (!response.body?.getReader) return sink.ended({ reason: 'no-streaming' });
        const reader = response.body.getReader();
        const decoder = new TextDecoder();
        const parser = createSseParser();
        for (;;) {
          const { done, value } = await reader.read();
          if (done) return sink.ended({ reason: 'cut' });
          sink.alive();
          for (const frame of parser.push(decoder.decode(value, { stream: true }))) {
            const taken = sink.tell(frame);
            if (taken) await taken;
          }
        }
      }

      read().catch(() => sink.ended({ reason: 'cut' }));
      return () => ending.abort();
    },
  };
}
