/** Which format a request asks for, and the one object that writes it. */
import { Problem } from '../../errors.ts';
import type { CursorForm, EnvelopeOptions, Format, FormatName, Heartbeat } from './format.ts';
import { createNdjsonFormat } from './ndjson.ts';
import { createRawFormat } from './raw.ts';
import { createSseFormat } from './sse.ts';

/** The first is what a client gets that has no preference. */
const mediaTypes: readonly (readonly [FormatName, string])[] = [
  ['sse', 'text/event-stream'],
  ['ndjson', 'application/x-ndjson'],
  ['json', 'application/json'],
  ['raw', 'text/plain'],
];

/**
 * The query wins over `Accept` (RFC 9110 §12.5.1: highest `q`, then our order; no header means anything).
 *
 * @throws {Problem} 406 when neither names a format we have.
 */
export function chooseFormat(query: string | undefined, accept: string | undefined): FormatName {
  const name = query === undefined ? accepted(accept) : mediaTypes.find(([known]) => known === query)?.[0];
  if (name) return name;
  throw new Problem(
    'not_acceptable',
    `There is format=sse, ndjson, json and raw, or Accept: ${mediaTypes.map(([, type]) => type).join(', ')}.`,
  );
}

function accepted(accept = '*/*'): FormatName | undefined {
  let best: FormatName | undefined;
  let bestQ = 0;
  const ranges = accept.split(',').map(parseRange);
  for (const [name, type] of mediaTypes) {
    const q = qualityOf(type, ranges);
    if (q > bestQ) {
      best = name;
      bestQ = q;
    }
  }
  return best;
}

interface MediaRange {
  readonly type: string;
  readonly q: number;
}

function parseRange(text: string): MediaRange {
  const [type = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  const q = parameters.find((parameter) => parameter.startsWith('q='));
  const value = q === undefined ? 1 : Number(q.slice(2));
  return { type: type === '' ? '*/*' : type, q: value >= 0 && value <= 1 ? value : 0 };
}

/** The most specific range that matches decides. */
function qualityOf(type: string, ranges: readonly MediaRange[]): number {
  const anySubtype = `${type.slice(0, type.indexOf('/'))}/*`;
  for (const pattern of [type, anySubtype, '*/*']) {
    const range = ranges.find((candidate) => candidate.type === pattern);
    if (range) return range.q;
  }
  return 0;
}

/** Whether the client itself said that it wants SSE, as a browser's EventSource always does (P20). */
export function namesEventStream(accept: string | undefined): boolean {
  return (accept ?? '').split(',').some((range) => parseRange(range).type === 'text/event-stream');
}

export function createFormat(
  name: Exclude<FormatName, 'json'>,
  options: EnvelopeOptions & { readonly heartbeat: Heartbeat; readonly cursors?: CursorForm },
): Format {
  const format = { ...formatOf(name, options), joinsCursors: options.cursors === 'joined' };
  const beat = options.heartbeat === 'event' ? format.control({ event: '$beat', data: {} }) : '';
  return beat === '' ? format : { ...format, heartbeat: beat };
}

function formatOf(name: Exclude<FormatName, 'json'>, options: EnvelopeOptions): Format {
  if (name === 'sse') return createSseFormat(options);
  return name === 'ndjson' ? createNdjsonFormat(options) : createRawFormat();
}
