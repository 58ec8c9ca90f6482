/**
 * What the protocol's tests work with: short ways to send and to receive, and channels that no other test uses.
 *
 * Nothing here knows how the server works. Where a change has to be merged before a test goes on, the kit looks at
 * the channel's history until it is.
 */
import assert from 'node:assert/strict';
import type { OutgoingHttpHeaders } from 'node:http';
import { it as test } from 'node:test';
import { type Answer, request } from '../../support/http.ts';
import { type Frame, openSse, type SseReader } from '../../support/sse.ts';
import { waitFor } from '../../support/wait.ts';

export interface ProtocolSubject {
  /** As the report of the tests shows it. */
  readonly name: string;
  /** Where streams, polls, state and history are asked for. A function, because servers start after tests are defined. */
  readonly baseUrl: () => string;
  /** Where changes are sent, if elsewhere. */
  readonly postUrl?: () => string;
  /** A second gateway, if there is one: streams must go on there as if it were the first. */
  readonly otherStreamUrl?: () => string;
  /** Why this subject does not meet the test of that name, where that is known and has been decided. */
  readonly differs?: (test: string) => string | undefined;
}

export const HEARTBEAT_MS = 400;
/** Above a page of 500, and soon exceeded. */
export const HISTORY_MAX_EVENTS = 600;
export const MAX_CHANGE_BYTES = 1024;
export const BATCH_MAX_CHANGES = 40;
/** Below what so many of the largest changes take. */
export const BATCH_MAX_BYTES = 16_384;

/** What the servers under test have to be started with. */
export const contractEnv = {
  REDUCERS: 'latest-*=latest,tally-*=tally,*=log',
  HEARTBEAT_MS: String(HEARTBEAT_MS),
  HISTORY_MAX_EVENTS: String(HISTORY_MAX_EVENTS),
  MAX_CHANGE_BYTES: String(MAX_CHANGE_BYTES),
  BATCH_MAX_CHANGES: String(BATCH_MAX_CHANGES),
  BATCH_MAX_BYTES: String(BATCH_MAX_BYTES),
  // A stream that is moved to another gateway ends in the middle of what is asked of it.
  SPREAD_INTERVAL_MS: '0',
} as const;

export interface Envelope {
  readonly id?: string;
  readonly channel?: string;
  readonly from?: string;
  readonly seq?: number;
  readonly at?: number;
  readonly data?: string;
  readonly b64?: string;
}

export interface StateView {
  readonly cursor: string;
  readonly complete?: boolean;
  readonly state: Readonly<Record<string, string | null>>;
  readonly b64: Readonly<Record<string, string>>;
}

export interface Page {
  readonly cursor: string;
  readonly status: string;
  readonly events: readonly Envelope[];
  readonly more: boolean;
  readonly snapshots?: readonly (StateView & { readonly channel: string; readonly snapshotUrl?: string })[];
}

export interface ChannelSync {
  readonly status: string;
  readonly head: number;
  readonly oldest: number;
  readonly missed?: number;
  readonly lost?: number | null;
}

export interface Sync {
  readonly status: string;
  readonly channels: Readonly<Record<string, ChannelSync>>;
  readonly heartbeatMs: number;
}

export interface Sending {
  readonly from?: string;
  readonly seq?: number;
  readonly method?: 'POST' | 'PUT';
  readonly batch?: '0' | '1';
  readonly headers?: OutgoingHttpHeaders;
}

export interface Receiving {
  /** `since=now&with=from` */
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Short for the header. */
  readonly lastEventId?: string | undefined;
  /** Another server than the first. */
  readonly at?: string;
}

export type Kit = ReturnType<typeof createKit>;

let names = 0;

/** A channel that nobody else uses, also not in another run on the same store. */
export function newChannel(prefix = 'room'): string {
  return `${prefix}-${process.pid}-${Date.now().toString(36)}-${names++}`;
}

/** The change, however the envelope carries it. */
export function bytesOf({ data, b64 }: Envelope): Buffer {
  assert.notEqual(data === undefined, b64 === undefined, 'an envelope has either data or b64');
  return data === undefined ? Buffer.from(b64!, 'base64') : Buffer.from(data);
}

export function envelopeOf(frame: Frame): Envelope {
  return JSON.parse(frame.data!) as Envelope;
}

export function syncOf(frame: Frame): Sync {
  assert.equal(frame.event, '$sync');
  return JSON.parse(frame.data!) as Sync;
}

export function isEvent({ event, data }: Frame): boolean {
  return data !== undefined && (event === 'message' || event === '$binary');
}

export function isNamed(name: string): (frame: Frame) => boolean {
  return ({ event, data }) => event === name && data !== undefined;
}

/** A problem as P1 wants it: a sentence, and a code for programs. */
export function assertProblem(answer: Answer, status: number, code?: string): void {
  const shown = `${answer.status} ${answer.body.toString().slice(0, 300)}`;
  assert.equal(answer.status, status, shown);
  assert.equal(answer.headers['content-type'], 'application/problem+json', shown);
  assert.ok(answer.body.toString().endsWith('}\n'), `a whole line: ${shown}`);
  const problem = answer.json<{ status: number; code: string; detail: string; title: string; type: string }>();
  assert.equal(problem.status, status, shown);
  assert.match(problem.code, /^[a-z_]+$/, shown);
  if (code !== undefined) assert.equal(problem.code, code, shown);
  assert.match(problem.detail, /^[\p{Lu}`a-z].{10,}\.$/u, `a sentence: ${shown}`);
  assert.ok(problem.title.length > 0 && problem.type.length > 0, shown);
}

export function createKit(subject: ProtocolSubject) {
  const streamUrl = () => subject.baseUrl();
  const postUrl = () => (subject.postUrl ?? subject.baseUrl)();
  const otherStreamUrl = () => (subject.otherStreamUrl ?? subject.baseUrl)();

  /** A test; one that the subject is known not to meet has to fail, so that nothing stays declared that has come to hold. */
  function it(name: string, meets: () => Promise<void> | void): void {
    const why = subject.differs?.(name);
    if (why === undefined) return void test(name, meets);
    test(`differs, because ${why}: ${name}`, () => assert.rejects(async () => meets(), assert.AssertionError));
  }

  function post(channel: string, body: Uint8Array | string, sending: Sending = {}): Promise<Answer> {
    const { from, seq, method = 'POST', batch, headers = {} } = sending;
    const query = new URLSearchParams();
    if (from !== undefined) query.set('from', from);
    if (seq !== undefined) query.set('seq', String(seq));
    if (batch !== undefined) query.set('batch', batch);
    return request(postUrl(), `/c/${channel}${query.size > 0 ? `?${query}` : ''}`, { method, headers, body });
  }

  /** Sends one after the other, each accepted before the next. */
  async function send(channel: string, ...bodies: (Uint8Array | string)[]): Promise<void> {
    for (const body of bodies) {
      const answer = await post(channel, body);
      assert.equal(answer.status, 204, answer.body.toString());
    }
  }

  /** Sends so many, in batches of one publisher, and waits until all are merged. */
  async function sendMany(channel: string, count: number): Promise<void> {
    const headers = { 'content-type': 'application/x-ndjson' };
    for (let seq = 1; seq < count; seq += BATCH_MAX_CHANGES) {
      const length = Math.min(BATCH_MAX_CHANGES, count - seq);
      const lines = Array.from({ length }, (_, i) => `"${seq + i}"\n`).join('');
      const answer = await post(channel, lines, { from: 'many.1', seq, batch: '1', headers });
      assert.equal(answer.status, 204, answer.body.toString());
    }
    const last = `last of ${count}`;
    await send(channel, last);
    let page: Page | undefined;
    const isMerged = async () => {
      page = await history(channel, page && `?since=${page.cursor}`);
      return page.events.at(-1)?.data === last;
    };
    await waitFor(isMerged, { what: `${count} changes to be merged` });
  }

  async function history(channel: string, query = ''): Promise<Page> {
    const answer = await request(streamUrl(), `/c/${channel}/history${query}`);
    assert.equal(answer.status, 200, answer.body.toString());
    return answer.json<Page>();
  }

  /** All events that are kept, page by page. */
  async function everything(channel: string): Promise<Envelope[]> {
    const events: Envelope[] = [];
    let page = await history(channel);
    events.push(...page.events);
    while (page.more) {
      page = await history(channel, `?since=${page.cursor}`);
      events.push(...page.events);
    }
    return events;
  }

  /** The first so many events of a channel, once they are merged; the cursors come with them. */
  async function settled(channel: string, count: number): Promise<readonly (Envelope & { readonly id: string })[]> {
    const { events } = await waitFor(
      async () => {
        const page = await history(channel);
        return page.events.length >= count ? page : undefined;
      },
      { what: `${count} events of ${channel}` },
    );
    return events as readonly (Envelope & { readonly id: string })[];
  }

  function stream(channels: string, receiving: Receiving = {}): Promise<SseReader> {
    const { query, headers = {}, lastEventId, at = streamUrl() } = receiving;
    const url = `${at}/c/${channels}/events${query === undefined ? '' : `?${query}`}`;
    return openSse(url, {
      headers: { ...headers, ...(lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId }) },
    });
  }

  /** A stream whose `$sync` has come: what is sent from now on reaches it. */
  async function live(
    channels: string,
    receiving: Receiving = {},
  ): Promise<{ reader: SseReader; sync: Sync; frame: Frame }> {
    const reader = await stream(channels, receiving);
    assert.equal(reader.status, 200);
    const frame = await reader.next();
    return { reader, sync: syncOf(frame), frame };
  }

  /** What a stream says first, and then it is closed. */
  async function syncFor(channels: string, receiving: Receiving = {}): Promise<Sync> {
    const { reader, sync } = await live(channels, receiving);
    reader.close();
    return sync;
  }

  function get(path: string, headers: OutgoingHttpHeaders = {}): Promise<Answer> {
    return request(streamUrl(), path, { headers });
  }

  async function poll(channels: string, query = '', headers: OutgoingHttpHeaders = {}): Promise<Page> {
    const answer = await get(`/c/${channels}/events?format=json${query === '' ? '' : `&${query}`}`, headers);
    assert.equal(answer.status, 200, answer.body.toString());
    assert.match(answer.headers['content-type']!, /^application\/json/);
    return answer.json<Page>();
  }

  async function state(channel: string, query = ''): Promise<StateView> {
    const answer = await get(`/c/${channel}/state${query}`);
    assert.equal(answer.status, 200, answer.body.toString());
    return answer.json<StateView>();
  }

  return {
    it,
    streamUrl,
    postUrl,
    otherStreamUrl,
    post,
    send,
    sendMany,
    history,
    everything,
    settled,
    stream,
    live,
    syncFor,
    get,
    poll,
    state,
  };
}
