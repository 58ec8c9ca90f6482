/** Streaming over `fetch`: sees heartbeats, can send a token, and stops reading while what it read is not taken. */
import { refusalOf } from './answer.ts';
import { createSseParser } from './sse.ts';
import { eventsUrl, readInit, type Sink, type StreamRequest, type Transport, type TransportDeps } from './transport.ts';

export function createFetchTransport({ base, fetch }: TransportDeps): Transport {
  async function read(request: StreamRequest, sink: Sink, signal: AbortSignal): Promise<void> {
    const type = 'text/event-stream';
    const response = await fetch(eventsUrl(base, request), readInit(request.headers, type, signal));
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

  return {
    name: 'fetch',
    hearsHeartbeats: true,
    open(request, sink) {
      const ending = new AbortController();
      read(request, sink, ending.signal).catch(() => sink.ended({ reason: 'cut' }));
      return () => ending.abort();
    },
  };
}
