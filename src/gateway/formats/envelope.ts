/** The envelope: a JSON object around a change, for whoever wants to know more than the change itself (P16). */
import type { Channel } from '../../domain/channel.ts';
import { type Event, isErased } from '../../domain/event.ts';
import { shownFrom } from '../../domain/shown-from.ts';
import type { EnvelopeOptions } from './format.ts';
import { base64Of, cleanText, isCleanText, PIECE_BYTES, textPieces } from './text.ts';

/** Whole groups of three, so that the pieces join. */
const B64_BYTES = 3 * PIECE_BYTES;

/**
 * `{"id":…,"channel":…,"from":…,"seq":…,"at":…,"data":…}`, with `b64` in the place of `data` for what is not clean text; of
 * what was erased `data` is empty, and `erased` says so.
 *
 * @param cursor Given where the format has no other place for it.
 */
export function envelopeOf(event: Event, channel: Channel, options: EnvelopeOptions, cursor?: string): string {
  const head = headOf(event, channel, options, cursor);
  if (isErased(event)) return `${head}"data":"","erased":true}`;
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
  if (bytes.length <= PIECE_BYTES) {
    yield envelopeOf(event, channel, options, cursor);
    return;
  }
  const isClean = isCleanText(bytes);
  yield `${headOf(event, channel, options, cursor)}${isClean ? '"data"' : '"b64"'}:"`;
  if (isClean) for (const text of textPieces(bytes)) yield JSON.stringify(text).slice(1, -1);
  else for (let i = 0; i < bytes.length; i += B64_BYTES) yield base64Of(bytes.subarray(i, i + B64_BYTES));
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
