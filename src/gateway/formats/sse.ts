/** Server-Sent Events (WHATWG HTML §9.2): the format of browsers' own EventSource. */
import { isErased } from '../../domain/event.ts';
import { envelopeOf, envelopePieces } from './envelope.ts';
import type { EnvelopeOptions, Format } from './format.ts';
import { cleanText, isCleanText, textPieces } from './text.ts';

export function createSseFormat(options: EnvelopeOptions): Format {
  const isPlain = options.fields.size === 0 && !options.withChannel;
  return {
    contentType: 'text/event-stream',
    // No empty line: some parsers take each for the end of an event, and show one that is empty.
    heartbeat: ':\n',
    event(event, channel, cursor) {
      // Of a type of its own, for it is no change: a page that listens for those is not shown it.
      if (isErased(event)) return `id: ${cursor}\nevent: $erased\ndata: ${envelopeOf(event, channel, options)}\n\n`;
      if (!isPlain) return `id: ${cursor}\ndata: ${envelopeOf(event, channel, options)}\n\n`;
      const text = cleanText(event.bytes);
      if (text === undefined) return `id: ${cursor}\nevent: $binary\ndata: ${envelopeOf(event, channel, options)}\n\n`;
      return `id: ${cursor}\ndata: ${dataLines(text)}\n\n`;
    },
    *pieces(event, channel, cursor) {
      if (!isPlain || !isCleanText(event.bytes)) {
        yield `id: ${cursor}\n${isPlain ? 'event: $binary\n' : ''}data: `;
        yield* envelopePieces(event, channel, options);
      } else {
        yield `id: ${cursor}\ndata: `;
        for (const text of textPieces(event.bytes)) yield dataLines(text);
      }
      yield '\n\n';
    },
    control({ event, data, cursor, retryMs }) {
      const retry = retryMs === undefined ? '' : `retry: ${retryMs}\n`;
      const id = cursor === undefined ? '' : `id: ${cursor}\n`;
      return `${retry}${id}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
    },
  };
}

/** The standard joins data lines with LF, so a change's own line ends come back exactly. */
function dataLines(text: string): string {
  return text.includes('\n') ? text.replaceAll('\n', '\ndata: ') : text;
}
