/** Raw: a change a line, for eyes and shell pipes. Lossy by nature: what is not text is replaced, control frames are left out. */
import type { Format } from './format.ts';
import { textOf } from './text.ts';

/** C0 controls, DEL and C1 controls, which would break the line or drive the terminal. TAB may stay. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const controls = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/g;

export function createRawFormat(): Format {
  return {
    contentType: 'text/plain; charset=utf-8',
    heartbeat: '\n',
    event: (event) => `${textOf(event.bytes).replace(controls, ' ')}\n`,
    control: () => '',
  };
}
