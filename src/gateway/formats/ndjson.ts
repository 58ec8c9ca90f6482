/** Newline-delimited JSON: the same stream for programs without an SSE parser, one object a line. */
import { envelopeOf } from './envelope.ts';
import type { EnvelopeOptions, Format } from './format.ts';

export function createNdjsonFormat(options: EnvelopeOptions): Format {
  return {
    contentType: 'application/x-ndjson',
    heartbeat: '\n',
    event: (event, channel, cursor) => `${envelopeOf(event, channel, options, cursor)}\n`,
    control: ({ event, data, cursor, retryMs }) => `${JSON.stringify({ event, id: cursor, retryMs, ...data })}\n`,
  };
}
