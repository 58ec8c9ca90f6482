/**
 * Raw: a change a line, for eyes and shell pipes. Lossy by nature: what is not text is replaced, control frames are left out, but
 * for one: that the reader starts over is told in a line of its own, and so is that an event was erased.
 */
import { isErased } from '../../domain/event.ts';
import type { ControlFrame, Format } from './format.ts';
import { textOf, textPieces } from './text.ts';

/** C0 controls, DEL and C1 controls, which would break the line or drive the terminal. TAB may stay. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const controls = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/g;

export function createRawFormat(): Format {
  return {
    contentType: 'text/plain; charset=utf-8',
    heartbeat: '\n',
    event: (event) => (isErased(event) ? '# erased\n' : `${textOf(event.bytes).replace(controls, ' ')}\n`),
    *pieces({ bytes }) {
      for (const text of textPieces(bytes)) yield text.replace(controls, ' ');
      yield '\n';
    },
    control: (frame) => (frame.event === '$sync' ? resetLines(frame) : ''),
  };
}

interface ChannelStatus {
  readonly status: string;
  readonly lost?: number | null;
  readonly reason?: string;
}

/** One for each channel that is reset, as `# reset room: 12 events are lost`. */
function resetLines({ data }: ControlFrame): string {
  let lines = '';
  for (const [channel, told] of Object.entries((data.channels ?? {}) as Readonly<Record<string, ChannelStatus>>)) {
    if (told.status === 'reset') lines += `# reset ${channel}: ${whatOf(told)}\n`;
  }
  return lines;
}

function whatOf({ lost, reason }: ChannelStatus): string {
  if (reason === 'malformed') return 'what was asked for is no cursor';
  return typeof lost === 'number' ? `${lost} events are lost` : 'events may be lost';
}
