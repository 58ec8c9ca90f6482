/**
 * The table of doors and tokens: every way in, and every kind of grant at it, with what is to be answered. It is asked directly, and
 * through HAProxy and nginx.
 *
 * In a request `@a.1` stands for a cursor of that channel.
 */
import { bearer } from '../../support/tokens.ts';

/** Where something is: it says so, and whoever may not read it is not to see it. */
export const KEPT = ['a.1', 'a.10', 'b.1', 'a'] as const;
export const SAID = 'secret';

export interface Door {
  readonly name: string;
  readonly needs: 'publish' | 'subscribe' | 'history';
  /** The bytes, in segments. */
  parts(channel: string, field: string): readonly string[];
  /** For whom may, where that is not the plain one of its kind. */
  readonly granted?: number;
  /** Of the answer to whom may. */
  readonly tells?: RegExp;
  /** It names `b.1` as well. */
  readonly withB?: boolean;
  /** A refusal is a stream that says so, because an EventSource would give up for ever. */
  readonly polite?: boolean;
}

export interface Column {
  readonly name: string;
  /** Of the header, with its line's end. */
  field(door: Door): string;
  readonly channel: string;
  readonly status: 401 | 403 | 'granted';
}

const HOST = 'Host: 127.0.0.1\r\n';
let publishers = 0;

export interface Way {
  /** Who sends it, and which it is: not in the query. */
  readonly inHeader?: boolean;
  /** A batch of one change. */
  readonly asBatch?: boolean;
}

/** @param name Without a nonce: each change is of a publisher of its own, for of one that is overtaken a change would be a repeat. */
export function changing(
  method: string,
  name: string,
  segments: 1 | 2,
  { inHeader, asBatch }: Way = {},
): Door['parts'] {
  return (channel, field) => {
    const from = `${name}.n${++publishers}`;
    const query = inHeader ? '' : `?from=${from}&seq=1${asBatch ? '&batch=1' : ''}`;
    const fields = inHeader ? `Change-From: ${from}\r\nChange-Seq: 1\r\n` : '';
    const head = `${method} /c/${channel}${query} HTTP/1.1\r\n${HOST}${field}${fields}`;
    const rest = asBatch ? 'Content-Length: 3\r\n\r\n"x"' : 'Content-Length: 1\r\n\r\nx';
    return segments === 1 ? [head + rest] : [head, rest];
  };
}

export function reading(path: string, fields = ''): Door['parts'] {
  return (channel, field) => [
    `GET ${path.replace('{channel}', channel)} HTTP/1.1\r\n${HOST}${field}${fields}Connection: close\r\n\r\n`,
  ];
}

const changes: readonly Door[] = (['POST', 'PUT'] as const).flatMap((method) =>
  ([1, 2] as const).flatMap((segments) =>
    [false, true].map((asBatch) => ({
      name: `${method}${asBatch ? ' of a batch' : ''} in ${segments}`,
      needs: 'publish' as const,
      parts: changing(method, 'alice', segments, { asBatch }),
      granted: 204,
    })),
  ),
);

const EVENT_SOURCE = 'Accept: text/event-stream\r\n';
const events = '/c/{channel}/events';
const poll = `${events}?format=json`;

const reads: readonly Door[] = [
  { name: 'SSE', needs: 'subscribe', parts: reading(events), tells: /\$sync/ },
  { name: 'SSE, strict', needs: 'subscribe', parts: reading(`${events}?strict=1`, EVENT_SOURCE), tells: /\$sync/ },
  { name: 'EventSource', needs: 'subscribe', parts: reading(events, EVENT_SOURCE), tells: /\$sync/, polite: true },
  {
    name: 'EventSource, earliest',
    needs: 'history',
    parts: reading(`${events}?since=earliest`, EVENT_SOURCE),
    tells: /\$sync/,
    polite: true,
  },
  { name: 'NDJSON', needs: 'subscribe', parts: reading(`${events}?format=ndjson`), tells: /\$sync/ },
  // Without an event it is silent: its head is all.
  { name: 'raw', needs: 'subscribe', parts: reading(`${events}?format=raw`), tells: /^/ },
  {
    name: 'conflated',
    needs: 'subscribe',
    parts: reading(`${events}?conflate=50ms&with=from,seq,at`),
    tells: /\$sync/,
  },
  { name: 'poll', needs: 'subscribe', parts: reading(poll), tells: /"status":"fresh"/ },
  { name: 'poll that waits', needs: 'subscribe', parts: reading(`${poll}&wait=1&since=earliest`) },
  { name: 'since a cursor', needs: 'history', parts: reading(`${events}?since=@{channel}`), tells: /\$sync/ },
  { name: 'lastEventId', needs: 'history', parts: reading(`${events}?lastEventId=@{channel}`), tells: /\$sync/ },
  { name: 'since=earliest', needs: 'history', parts: reading(`${events}?since=earliest`), tells: /\$sync/ },
  { name: 'since=10m', needs: 'history', parts: reading(`${poll}&since=10m`) },
  { name: 'snapshot', needs: 'subscribe', parts: reading(`${events}?snapshot=1`), tells: /\$sync/ },
  { name: 'state', needs: 'subscribe', parts: reading('/c/{channel}/state'), tells: /"complete":true/ },
  { name: 'state since', needs: 'subscribe', parts: reading('/c/{channel}/state?since=@{channel}') },
  {
    name: 'state If-None-Match',
    needs: 'subscribe',
    parts: reading('/c/{channel}/state', 'If-None-Match: *\r\n'),
    granted: 304,
  },
  { name: 'history', needs: 'history', parts: reading('/c/{channel}/history'), tells: /"events":\[/ },
  { name: 'two channels', needs: 'subscribe', parts: reading('/c/{channel},b.1/events'), withB: true },
  { name: 'two channels, the other way', needs: 'subscribe', parts: reading('/c/b.1,{channel}/events'), withB: true },
];

export const doors: readonly Door[] = [...changes, ...reads];

/** By the grant and the channel that is asked for. */
export const columns: readonly Column[] = [
  { name: 'no credential', field: () => '', channel: 'a.1', status: 401 },
  { name: 'nothing granted', field: () => auth({}), channel: 'a.1', status: 403 },
  { name: 'no grant at all', field: () => auth(undefined), channel: 'a.1', status: 403 },
  {
    name: 'only the other right',
    field: ({ needs }) => auth({ [needs === 'publish' ? 'subscribe' : 'publish']: ['a.1'] }),
    channel: 'a.1',
    status: 403,
  },
  { name: 'a.1 and asked for a.10', field: () => auth(all('a.1')), channel: 'a.10', status: 403 },
  { name: 'a.* and asked for b.1', field: () => auth(all('a.*')), channel: 'b.1', status: 403 },
  { name: 'a.* and asked for a', field: () => auth(all('a.*')), channel: 'a', status: 403 },
  { name: 'b.1 and asked for what is not there', field: () => auth(all('b.1')), channel: 'zz', status: 403 },
  { name: '* and asked for what is not there', field: () => auth(all('*')), channel: 'zz', status: 'granted' },
  { name: 'granted', field: () => auth(all('a.1', 'b.1')), channel: 'a.1', status: 'granted' },
  { name: 'granted by a pattern', field: () => auth(all('a.*', 'b.*')), channel: 'a.1', status: 'granted' },
];

export function all(...channels: string[]) {
  return { publish: channels, subscribe: channels };
}

export function auth(grant: unknown): string {
  return `Authorization: ${bearer(grant)}\r\n`;
}
