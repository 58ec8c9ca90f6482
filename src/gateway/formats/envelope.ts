/** The envelope: a JSON object around a change, for whoever wants to know more than the change itself (P16). */
import type { Channel } from '../../domain/channel.ts';
import type { Event } from '../../domain/event.ts';
import { shownFrom } from '../../domain/shown-from.ts';
import type { EnvelopeOptions } from './format.ts';
import { base64Of, cleanText } from './text.ts';

/**
 * `{"id":…,"channel":…,"from":…,"seq":…,"at":…,"data":…}`, with `b64` in the place of `data` for what is not clean text.
 *
 * @param cursor Given where the format has no other place for it.
 */
export function envelopeOf(event: Event, channel: Channel, options: EnvelopeOptions, cursor?: string): string {
  // What is put between quotes unescaped are channel names, names with tags, and cursors: their patterns have none.
  let json = cursor === undefined ? '{' : `{"id":"${cursor}",`;
  if (options.withChannel) json += `"channel":"${channel}",`;
  if (options.fields.has('from') && event.from !== '') json += `"from":"${shownFrom(event.from)}",`;
  if (options.fields.has('seq') && event.seq > 0) json += `"seq":${event.seq},`;
  if (options.fields.has('at')) json += `"at":${event.atMs},`;
  const text = cleanText(event.bytes);
  return `${json}${text === undefined ? `"b64":"${base64Of(event.bytes)}"` : `"data":${JSON.stringify(text)}`}}`;
}
