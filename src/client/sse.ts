/**
 * Server-Sent Events (WHATWG HTML §9.2.6), from text that may be cut anywhere: in the middle of a line, or between a CR and its LF.
 * A frame that is not ended by an empty line is never given, so that the cursor in it is never taken.
 */
export interface Frame {
  readonly event: string;
  readonly data: string;
  /** The last id that was sent on this connection, as an EventSource has it. */
  readonly id: string;
  readonly retryMs?: number;
}

export interface SseParser {
  /** @returns The frames that end in this text. */
  push(text: string): Frame[];
}

export function createSseParser(): SseParser {
  let rest = '';
  let isAfterCr = false;
  let id = '';
  let event = '';
  /** Each line with its end. */
  let data = '';
  let retryMs: number | undefined;

  function line(text: string, frames: Frame[]): void {
    if (text === '') {
      if (data) {
        const frame = { event: event || 'message', data: data.slice(0, -1), id };
        frames.push(retryMs === undefined ? frame : { ...frame, retryMs });
      }
      event = data = '';
      retryMs = undefined;
      return;
    }
    const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(text)!;
    if (field === 'data') data += `${value}\n`;
    else if (field === 'event') event = value;
    else if (field === 'id' && !value.includes('\0')) id = value;
    else if (field === 'retry' && /^\d+$/.test(value)) retryMs = Number(value);
  }

  return {
    push(text) {
      const frames: Frame[] = [];
      if (text === '') return frames;
      const lines = (isAfterCr && text[0] === '\n' ? text.slice(1) : text).split(/\r\n|\r|\n/);
      isAfterCr = text.endsWith('\r');
      lines[0] = rest + lines[0];
      rest = lines.pop()!;
      for (const each of lines) line(each, frames);
      return frames;
    },
  };
}
