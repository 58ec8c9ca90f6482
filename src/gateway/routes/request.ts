/** What a reader asks for, from its URL and headers: everything it can get wrong is told here (P9, P13, P16, P44). */
import type { FastifyRequest } from 'fastify';
import { CHANNEL_RULE, type Channel, isChannel } from '../../domain/channel.ts';
import { Problem } from '../../errors.ts';
import { flag, parameter } from '../../http/query.ts';
import {
  CURSOR_FORMS,
  type CursorForm,
  ENVELOPE_FIELDS,
  type EnvelopeField,
  type FormatName,
  HEARTBEATS,
  type Heartbeat,
} from '../formats/format.ts';
import { chooseFormat, namesEventStream } from '../formats/formats.ts';

/** A browser opens few streams, so it may put several channels on one; more is a URL and a cursor nobody can read. */
const CHANNELS_MAX = 16;
/** Longest a poll waits, seconds: below the 30 s after which proxies and clients begin to give up. */
export const WAIT_MAX_S = 25;

/** Faster than a screen is drawn is not conflation any more; slower than this is a poll. */
const CONFLATE_MIN_MS = 20;
const CONFLATE_MAX_MS = 60_000;

const LIMIT_MAX = 10_000;

export interface ReadRequest {
  readonly channels: readonly Channel[];
  readonly format: FormatName;
  readonly fields: ReadonlySet<EnvelopeField>;
  /** Where to begin: `Last-Event-ID`, else `lastEventId` of the query, else `since`; undefined for none. Any text at all. */
  readonly since: string | undefined;
  /** Whether that was one of the first two, which are cursors and no words. */
  readonly isLastEventId: boolean;
  /** Of what was before it came, by a time or a word, the newest so many events of each channel at most. */
  readonly limit: number;
  readonly snapshot: boolean;
  /** Only for a stream, milliseconds; 0 for every event at once. */
  readonly conflateMs: number;
  /** Only for a stream. */
  readonly heartbeat: Heartbeat;
  /** Of several channels. */
  readonly cursors: CursorForm;
  /** Only for a stream: whether somebody on the way holds its frames back is to be found out (P31). */
  readonly isProbed: boolean;
  /** Only for a poll, milliseconds. */
  readonly waitMs: number;
  /** A refusal must come as a stream that ends, because the client would never come back after anything but 200. */
  readonly isPolite: boolean;
}

export type ChannelsRequest = FastifyRequest<{ Params: { channels: string }; Querystring: Record<string, unknown> }>;

/** @throws {Problem} 400 or 406 with a sentence that says what would be right. */
export function parseRead(request: ChannelsRequest): ReadRequest {
  const format = chooseFormat(parameter(request, 'format'), request.headers.accept);
  const lastEventId = firstOf(request.headers['last-event-id']) || lastEventIdInQuery(request);
  const since = parameter(request, 'since');
  const limit = parameter(request, 'limit');
  const wait = parameter(request, 'wait');
  return {
    channels: parseChannels(request.params.channels),
    format,
    fields: parseFields(parameter(request, 'with')),
    since: lastEventId || since || (limit === undefined ? undefined : 'earliest'),
    isLastEventId: Boolean(lastEventId),
    limit: limit === undefined ? Number.POSITIVE_INFINITY : parseNumber('limit', limit, 1, LIMIT_MAX),
    snapshot: flag(request, 'snapshot'),
    conflateMs: parseConflate(parameter(request, 'conflate')),
    heartbeat: parseOneOf('heartbeat', HEARTBEATS, parameter(request, 'heartbeat')),
    cursors: parseOneOf('cursors', CURSOR_FORMS, parameter(request, 'cursors')),
    isProbed: flag(request, 'probe'),
    waitMs: wait === undefined ? 0 : parseNumber('wait', wait, 1, WAIT_MAX_S) * 1000,
    isPolite: !flag(request, 'strict') && namesEventStream(request.headers.accept),
  };
}

/** As clients write it that cannot set a header: `lastEventId`, `lastEventID` … */
function lastEventIdInQuery(request: ChannelsRequest): string | undefined {
  const names = Object.keys(request.query).filter((name) => name.toLowerCase() === 'lasteventid');
  if (names.length > 1) throw new Problem('repeated_parameter', 'Give lastEventId once.');
  return names.length === 0 ? undefined : parameter(request, names[0]!);
}

export function parseChannel(text: string): Channel {
  if (isChannel(text)) return text;
  throw new Problem('bad_channel', CHANNEL_RULE);
}

export function parseChannels(text: string): Channel[] {
  const channels = text.split(',');
  if (channels.length > CHANNELS_MAX) {
    throw new Problem('too_many_channels', `A stream is of at most ${CHANNELS_MAX} channels, separated by commas.`);
  }
  for (const channel of channels) parseChannel(channel);
  if (new Set(channels).size < channels.length) {
    throw new Problem('repeated_channel', 'Each channel of a stream is named once.');
  }
  return channels;
}

function parseFields(text: string | undefined): Set<EnvelopeField> {
  const fields = new Set<EnvelopeField>();
  for (const name of text === undefined ? [] : text.split(',')) {
    const field = ENVELOPE_FIELDS.find((known) => known === name);
    if (!field) throw new Problem('bad_parameter', `with is a comma list of ${ENVELOPE_FIELDS.join(', ')}.`);
    fields.add(field);
  }
  return fields;
}

function parseConflate(text: string | undefined): number {
  if (text === undefined) return 0;
  if (!text.endsWith('ms')) throw new Problem('bad_parameter', 'conflate is milliseconds, such as 250ms.');
  return parseNumber('conflate', text.slice(0, -2), CONFLATE_MIN_MS, CONFLATE_MAX_MS);
}

/** The first where it is absent. */
function parseOneOf<T extends string>(name: string, known: readonly [T, ...T[]], text: string | undefined): T {
  const value = text === undefined ? known[0] : known.find((each) => each === text);
  if (value) return value;
  throw new Problem('bad_parameter', `${name} is ${known.join(' or ')}.`);
}

/** A whole number in plain digits within bounds. */
export function parseNumber(name: string, text: string, min: number, max: number): number {
  const value = /^[0-9]{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new Problem('bad_parameter', `${name} is a whole number from ${min} to ${max}.`);
}

function firstOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
