/** The envelope: a JSON object around a change, for whoever wants to know more than the change itself (P16). */
import type { Channel } from '../../domain/channel.ts';
import type { Event } from '../../domain/event.ts';
import { shownFrom } from '../../domain/shown-from.ts';
import type { EnvelopeOptions } from './format.ts';
import { base64Of, cleanText } from './text.ts';

/** Characters or bytes: six times as many are still no large object to V8, which allocates and collects those one by one. */
const PIECE_LENGTH = 8 << 10;
/** Whole groups of three, so that the pieces join. */
const B64_BYTES = 3 * PIECE_LENGTH;

/**
 * `{"id":…,"channel":…,"from":…,"seq":…,"at":…,"data":…}`, with `b64` in the place of `data` for what is not clean text.
 *
 * @param cursor Given where the format has no other place for it.
 */
export function envelopeOf(event: Event, channel: Channel, options: EnvelopeOptions, cursor?: string): string {
  const head = headOf(event, channel, options, cursor);
  const text = cleanText(event.bytes);
  return text === undefined ? `${head}"b64":"${base64Of(event.bytes)}"}` : `${head}"data":${JSON.stringify(text)}}`;
}

/** The same in pieces of some 48 Ki characters at most: of 256 KiB all at once would be 1.5 Mi of them. */
export function* envelopePieces(
  event: Event,
  channel: Channel,
  options: EnvelopeOptions,
  cursor?: string,
): Generator<string> {
  const { bytes } = event;
  if (bytes.length <= PIECE_LENGTH) {
    yield envelopeOf(event, channel, options, cursor);
    return;
  }
  const head = headOf(event, channel, options, cursor);
  const text = cleanText(bytes);
  yield `${head}${text === undefined ? '"b64"' : '"data"'}:"`;
  if (text === undefined)
    for (let i = 0; i < bytes.length; i += B64_BYTES) yield base64Of(bytes.subarray(i, i + B64_BYTES));
  else yield* escapedPieces(text);
  yield '"}';
}

function headOf(event: Event, channel: Channel, options: EnvelopeOptions, cursor?: string): string {
  // What is put between quotes unescaped are channel names, names with tags, and cursors: their patterns have none.
  let json = cursor === undefined ? '{' : `{"id":"${cursor}",`;
  if (options.withChannel) json += `"channel":"${channel}",`;
  if (options.fields.has('from') && event.from !== '') json += `"from":"${shownFrom(event.from)}",`;
  if (options.fields.has('seq') && event.seq > 0) json += `"seq":${event.seq},`;
  if (options.fields.has('at')) json += `"at":${event.atMs},`;
  return json;
}

/** What stands between the quotes of a JSON string. */
function* escapedPieces(text: string): Generator<string> {
  for (let from = 0, to = 0; from < text.length; from = to) {
    to = Math.min(from + PIECE_LENGTH, text.length);
    // Half of a surrogate pair would be escaped.
    if (to < text.length && isHighSurrogate(text.charCodeAt(to - 1))) to--;
    yield JSON.stringify(text.slice(from, to)).slice(1, -1);
  }
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}
