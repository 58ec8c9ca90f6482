/** Newline-delimited JSON: the same stream for programs without an SSE parser, one object a line. */
import { envelopeOf, envelopePieces } from './envelope.ts';
import type { EnvelopeOptions, Format } from './format.ts';

export function createNdjsonFormat(options: EnvelopeOptions): Format {
  return {
    contentType: 'application/x-ndjson',
    heartbeat: '\n',
    event: (event, channel, cursor) => `${envelopeOf(event, channel, options, cursor)}\n`,
    *pieces(event, channel, cursor) {
      yield* envelopePieces(event, channel, options, cursor);
      yield '\n';
    },
    control: ({ event, data, cursor, retryMs }) => `${JSON.stringify({ event, id: cursor, retryMs, ...data })}\n`,
  };
}
