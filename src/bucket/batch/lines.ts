/**
 * Changes as NDJSON: a JSON string a line, so that a change may have any text in it, line feeds too. What is in the string is the change,
 * as UTF-8. (https://github.com/ndjson/ndjson-spec, RFC 8259 §7)
 */
import { isUtf8 } from 'node:buffer';
import { Problem } from '../../errors.ts';

/** What other JSON values begin with: they are reserved, not broken. */
const isOther = /^[[{0-9tfn-]/;
const loneSurrogate = /\p{Surrogate}/u;

/** At most `max` of them. @throws {Problem} 400 or 422. */
export function linesOf(body: Buffer, max: number): Uint8Array[] {
  if (!isUtf8(body)) throw new Problem('bad_batch', 'NDJSON is UTF-8; other bytes go in a MessagePack array.');
  const text = body.toString();
  const all: Uint8Array[] = [];
  let start = 0;
  while (start < text.length && all.length < max) {
    const lineFeed = text.indexOf('\n', start);
    const end = lineFeed < 0 ? text.length : lineFeed;
    all.push(changeIn(text.slice(start, end), all.length + 1));
    start = end + 1;
  }
  return all;
}

function changeIn(line: string, number: number): Uint8Array {
  if (isOther.test(line)) throw new Problem('not_a_change', `Line ${number} of the batch is a JSON string.`);
  const value = line.startsWith('"') ? parsed(line) : undefined;
  if (value === undefined)
    throw new Problem('bad_batch', `Line ${number} of the batch is a JSON string, and ends with LF.`);
  if (line.includes('\\u') && loneSurrogate.test(value)) {
    throw new Problem(
      'not_a_change',
      `Line ${number} of the batch is text that UTF-8 has: its surrogates are in pairs.`,
    );
  }
  return Buffer.from(value);
}

/** @param line That begins with a quote: what it has in it, if anything, is a string. */
function parsed(line: string): string | undefined {
  try {
    return JSON.parse(line) as string;
  } catch {
    return undefined;
  }
}
